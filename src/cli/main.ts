import { FAILURE } from './exitCodes.ts';
import { runCommandLine } from './program.ts';

let savesResult = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // EIO: the terminal was closed. SIGHUP comes with it, upon which a run saves its step.
    if (code !== 'EPIPE' && code !== 'EIO') {
      console.error(`wigbert: cannot write what is printed: ${message}`);
      process.exit(FAILURE);
    }
    // A reader may stop early (`| head`); then there is nothing more to do.
    if (!savesResult) process.exit(0);
  });
}

await runCommandLine(process.argv.slice(2), (saves) => {
  savesResult = saves;
});
// A pipe takes what is written when it can: wait for it.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise((resolve) => stream.write('', resolve)),
  ),
);
// Dawn's threads can delay the end; nothing is lost without them.
process.exit();
