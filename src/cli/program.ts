import { Command, CommanderError } from 'commander';
import { UsageError, WigbertError } from '../platform/errors.ts';
import { withUsualNames } from './aliases.ts';
import { commandList } from './commandList.ts';
import { FAILURE, USAGE } from './exitCodes.ts';
import { fieldsToFlags } from './flags.ts';
import { positiveInteger } from './numbers.ts';
import { printConfig, withOptionsFile } from './optionsFile.ts';
import { sharedCommands } from './sharedCommands.ts';
import { packageVersion } from './shippedFile.ts';

/** Commands whose result is what they print. */
const printers = [
  'check',
  'evaluate',
  'predict',
  'tokenize',
  'info',
  'kernels',
  'bench',
  'doctor',
  'verify',
];

/**
 * Runs a command line: prints what it gives, and sets `process.exitCode` if that is not success.
 * @param given the words after the program's name
 * @param onCommand is told, before a command begins, whether it saves its result in files
 */
export async function runCommandLine(
  given: readonly string[],
  onCommand: (savesResult: boolean) => void = () => {},
): Promise<void> {
  const used = given.find((word) => Object.hasOwn(commandList, word));
  const program = await makeProgram(used);
  let current: Command = program;
  // The processes that `launch` starts are profiled, not itself.
  const isProfiled = () => program.opts().profile === true && used !== 'launch';
  program.hook('preAction', async (_, command) => {
    current = command;
    if (command.opts().printConfig) printConfig(command);
    onCommand(!printers.includes(command.name()) || command.opts().out !== undefined);
    const { threads } = program.opts();
    if (isProfiled()) (await import('./profile.ts')).enableProfile();
    (await import('./openDevice.ts')).setThreads(threads);
    if (sharedCommands.includes(command.name())) await (await import('./ranks.ts')).joinRanks();
  });
  try {
    const words =
      used === 'launch'
        ? separateLaunched(given)
        : withOptionsFile(withUsualNames(given, program), program);
    await program.parseAsync(words, { from: 'user' });
    if (isProfiled()) await (await import('./profile.ts')).endProfile(current.opts().json === true);
    if (sharedCommands.includes(current.name()))
      await (await import('./ranks.ts')).leaveRanks(isProfiled());
  } catch (error) {
    process.exitCode = await report(error, current, program.opts().debug === true);
  }
}

/** The words of `launch` with `--` before those of its command, whose options are not its own. */
function separateLaunched(words: readonly string[]): string[] {
  const at = words.findIndex((word) => sharedCommands.includes(word));
  if (words.includes('--') || at < 0) return [...words];
  return [...words.slice(0, at), '--', ...words.slice(at)];
}

/** The program with the options of the command that is used. */
async function makeProgram(used: string | undefined): Promise<Command> {
  const program = new Command('wigbert')
    .description(
      'Trains and runs BERT on WebGPU, WebAssembly or the CPU: labels, scores and tags for texts.',
    )
    .version(packageVersion())
    .option('--debug', 'show the stack of an error')
    .option('--profile', 'time each kernel, and show a table at the end')
    .option(
      '--threads <n>',
      'threads of the wasm device (default: one for each core, at most 16); results do not change',
      positiveInteger,
    )
    .showHelpAfterError('(add --help for the options)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  for (const [name, { description, load }] of Object.entries(commandList)) {
    const command = name === used ? await load() : new Command(name);
    program.addCommand(command.description(description).copyInheritedSettings(program));
    for (const part of command.commands) part.copyInheritedSettings(program);
  }
  return program;
}

/** Prints an error and returns the exit code. */
async function report(error: unknown, command: Command, debug: boolean): Promise<number> {
  // Commander has printed its own errors; --help and --version end here too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const { endDownload } = await import('./download.ts');
  endDownload();
  const { message, stack } = error as Error;
  const isUsage = error instanceof UsageError;
  if (debug) console.error(stack);
  else console.error(`wigbert: ${isUsage ? fieldsToFlags(message, command) : message}`);
  if (!(error instanceof WigbertError) && !debug)
    console.error('this may be a bug; --debug shows the stack');
  return isUsage ? USAGE : FAILURE;
}
