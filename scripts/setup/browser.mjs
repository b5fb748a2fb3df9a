/** Gives a machine a Chromium for the tests of the page. */
import { installForTests, thisMachine } from './install.mjs';

/** Names of browsers that the tests drive; `CHROME_PATH` may name another. */
export const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Finds a browser or installs one.
 * @param {(line: string) => void} say
 * @param {import('./install.mjs').Machine & { chromePath?: string }} [machine]
 */
export function ensureBrowser(
  say,
  machine = { ...thisMachine, chromePath: process.env.CHROME_PATH },
) {
  const { chromePath, run } = machine;
  if (chromePath || BROWSERS.some((name) => run(['which', name]).ok)) return;
  const skipped = 'the tests that drive a browser are skipped (CHROME_PATH may name one)';
  installForTests('chromium', skipped, say, machine);
}
