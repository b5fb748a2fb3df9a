import { Command, CommanderError } from 'commander';
import { UsageError, WigbertError } from '../platform/errors.ts';
import { withUsualNames } from './aliases.ts';
import { benchCommand } from './commands/bench.ts';
import { checkCommand } from './commands/check.ts';
import { convertCommand } from './commands/convert.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { embedCommand } from './commands/embed.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { infoCommand } from './commands/info.ts';
import { initCommand } from './commands/init.ts';
import { kernelsCommand } from './commands/kernels.ts';
import { launchCommand, separateLaunched } from './commands/launch.ts';
import { mergeCommand } from './commands/merge.ts';
import { predictCommand } from './commands/predict.ts';
import { pretrainCommand } from './commands/pretrain.ts';
import { reportCommand } from './commands/report.ts';
import { setupCommand } from './commands/setup.ts';
import { studyCommand } from './commands/study.ts';
import { tokenizeCommand } from './commands/tokenize.ts';
import { trainCommand } from './commands/train.ts';
import { tuneCommand } from './commands/tune.ts';
import { vocabCommand } from './commands/vocab.ts';
import { fieldsToFlags } from './flags.ts';
import { printConfig, withOptionsFile } from './optionsFile.ts';
import { enableProfile, endProfile } from './profile.ts';
import { joinRanks, leaveRanks } from './ranks.ts';
import { packageVersion } from './shippedFile.ts';

/** Exit codes: 0 done, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C. */
const FAILURE = 1;
const USAGE = 2;

const program = new Command('wigbert')
  .description('Trains and runs BERT on WebGPU: labels, scores and tags for texts.')
  .version(packageVersion())
  .option('--debug', 'show the stack of an error')
  .option('--profile', 'time each kernel, and show a table at the end')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });
const commands = [
  checkCommand,
  trainCommand,
  pretrainCommand,
  launchCommand,
  evaluateCommand,
  reportCommand,
  predictCommand,
  embedCommand,
  studyCommand,
  tokenizeCommand,
  vocabCommand,
  convertCommand,
  mergeCommand,
  infoCommand,
  kernelsCommand,
  benchCommand,
  tuneCommand,
  demoCommand,
  initCommand,
  setupCommand,
  doctorCommand,
];
for (const command of commands) {
  program.addCommand(command().copyInheritedSettings(program));
}

/** Commands whose result is what they print. */
const printers = ['check', 'evaluate', 'predict', 'tokenize', 'info', 'kernels', 'bench', 'doctor'];

/** Commands that several processes share. */
const trainers = ['train', 'pretrain'];

let current: Command = program;
let json = false;
let savesResult = false;
program.hook('preAction', async (_, command) => {
  current = command;
  if (command.opts().printConfig) printConfig(command);
  json = command.opts().json === true;
  savesResult = !printers.includes(command.name()) || command.opts().out !== undefined;
  if (program.opts().profile) enableProfile();
  if (trainers.includes(command.name())) await joinRanks();
});

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') {
      console.error(`wigbert: cannot write what is printed: ${message}`);
      process.exit(FAILURE);
    }
    // A reader may stop early (`| head`); then there is nothing more to do.
    if (!savesResult) process.exit(0);
  });
}

try {
  const given = process.argv.slice(2);
  const words =
    given[0] === 'launch'
      ? separateLaunched(given)
      : withOptionsFile(withUsualNames(given, program), program);
  await program.parseAsync(words, { from: 'user' });
  await endProfile(json);
  if (trainers.includes(current.name())) await leaveRanks(program.opts().profile === true);
} catch (error) {
  process.exitCode = await report(error);
}
// A pipe takes what is written when it can: wait for it.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise((resolve) => stream.write('', resolve)),
  ),
);
// Dawn's threads can delay the end; nothing is lost without them.
process.exit();

/** Prints an error and returns the exit code. */
async function report(error: unknown): Promise<number> {
  // Commander has printed its own errors; --help and --version end here too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const { endDownload } = await import('./download.ts');
  endDownload();
  const { message, stack } = error as Error;
  const isUsage = error instanceof UsageError;
  if (program.opts().debug) console.error(stack);
  else console.error(`wigbert: ${isUsage ? fieldsToFlags(message, current) : message}`);
  if (!(error instanceof WigbertError) && !program.opts().debug)
    console.error('this may be a bug; --debug shows the stack');
  return isUsage ? USAGE : FAILURE;
}
