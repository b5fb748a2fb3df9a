import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UsageError } from '../platform/errors.ts';
import { benchCommand } from './commands/bench.ts';
import { convertCommand } from './commands/convert.ts';
import { demoCommand } from './commands/demo.ts';
import { embedCommand } from './commands/embed.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { infoCommand } from './commands/info.ts';
import { kernelsCommand } from './commands/kernels.ts';
import { predictCommand } from './commands/predict.ts';
import { pretrainCommand } from './commands/pretrain.ts';
import { studyCommand } from './commands/study.ts';
import { tokenizeCommand } from './commands/tokenize.ts';
import { trainCommand } from './commands/train.ts';
import { tuneCommand } from './commands/tune.ts';
import { vocabCommand } from './commands/vocab.ts';
import { enableProfile, endProfile } from './profile.ts';

/** Exit codes: 0 done, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C. */
const FAILURE = 1;
const USAGE = 2;

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
);

const program = new Command('wigbert')
  .description('Trains and runs BERT on WebGPU: labels, scores and tags for texts.')
  .version(version)
  .option('--debug', 'show the stack of an error')
  .option('--profile', 'time each kernel, and show a table at the end')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });
const commands = [
  trainCommand,
  pretrainCommand,
  evaluateCommand,
  predictCommand,
  embedCommand,
  studyCommand,
  tokenizeCommand,
  vocabCommand,
  convertCommand,
  infoCommand,
  kernelsCommand,
  benchCommand,
  tuneCommand,
  demoCommand,
];
for (const command of commands) {
  program.addCommand(command().copyInheritedSettings(program));
}

/** Commands whose result is what they print. */
const printers = ['evaluate', 'predict', 'tokenize', 'info', 'kernels', 'bench'];

let json = false;
let savesResult = false;
program.hook('preAction', (_, command) => {
  json = command.opts().json === true;
  savesResult = !printers.includes(command.name());
  if (program.opts().profile) enableProfile();
});

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') {
      console.error(`wigbert: cannot write what is printed: ${message}`);
      process.exit(FAILURE);
    }
    // A reader that stops early (`| head`) is no error of ours.
    if (!savesResult) process.exit(0);
  });
}

try {
  await program.parseAsync();
  await endProfile(json);
} catch (error) {
  process.exitCode = report(error);
}
// Pipes take what is written when they can.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise((resolve) => stream.write('', resolve)),
  ),
);
// Dawn's threads need no farewell, but they can delay one.
process.exit();

function report(error: unknown): number {
  // Commander has said what is wrong already; --help and --version come here too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const { message, stack } = error as Error;
  console.error(program.opts().debug ? stack : `wigbert: ${message}`);
  return error instanceof UsageError ? USAGE : FAILURE;
}
