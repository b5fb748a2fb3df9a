import { wigbertCommand } from './shell.ts';
import { packageVersion } from './shippedFile.ts';

/** The command line as it was given, and the version of the program. */
export const aboutRun = (): { command: string; version: string } => ({
  command: wigbertCommand(...process.argv.slice(2)),
  version: packageVersion(),
});
