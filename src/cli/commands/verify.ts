import { Command } from 'commander';
import type { Device } from '../../device/device.ts';
import { jsonOption, nonNegativeInteger, quietOption } from '../options.ts';

const RULE = `
Exit code 0 if nothing differs and the weights have the same bits, 1 if not, and 2 for a folder
without a receipt.`;

export function verifyCommand(): Command {
  return new Command('verify')
    .argument('<run>', 'folder of the run')
    .option(
      '--from <step>',
      'begin at this step, with a hash or a checkpoint (default: at the start)',
      nonNegativeInteger,
    )
    .option(
      '--to <step>',
      'end after this step, with a hash (default: the last one)',
      nonNegativeInteger,
    )
    .addOption(quietOption())
    .addOption(jsonOption())
    .addHelpText('after', RULE)
    .action(run);
}

interface Options {
  from?: number;
  to?: number;
  json?: boolean;
  quiet?: boolean;
}

async function run(folder: string, { from, to, json, quiet }: Options): Promise<void> {
  const { verifyRun } = await import('../../train/recipes/receipt/verify.ts');
  const { showVerification, showVerified } = await import('../verifying.ts');
  const { interruptExitCode, interruptible } = await import('../signals.ts');
  const { openAsBegun } = await import('../resume.ts');
  const silent = Boolean(json || quiet);
  const { signal, listen, release } = interruptible(() => {});
  let device: Device | undefined;
  const result = await verifyRun(
    { run: folder, from, to },
    {
      signal,
      onEvent: silent ? undefined : showVerification(),
      openDevice: async (begun) => {
        device = await openAsBegun(begun, 'auto', silent);
        listen();
      },
    },
  ).finally(release);
  if (json) console.log(JSON.stringify(result));
  else showVerified(result, device?.description);
  if (result.interrupted) process.exitCode = interruptExitCode();
  else if (!result.same) process.exitCode = 1;
}
