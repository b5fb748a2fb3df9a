/** The built command line, for tests that run it in their own process. */
export { runCommandLine } from '../../dist/src/cli/program.js';
