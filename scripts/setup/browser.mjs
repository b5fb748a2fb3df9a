/**
 * Gives a machine a Chromium for the tests of the page: installs it with apt if allowed, else says
 * what to do. A missing browser is not a failure: those tests are skipped.
 */
import { spawnSync } from 'node:child_process';

/** Names of browsers that the tests drive; `CHROME_PATH` may name another. */
export const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * The parts of the machine that are read and changed; tests replace them.
 * @typedef {{
 *   isRoot: boolean, chromePath: string | undefined,
 *   run: (command: string[]) => { ok: boolean, output: string },
 * }} Machine
 */

/** @type {() => Machine} */
const thisMachine = () => ({
  isRoot: process.getuid?.() === 0,
  chromePath: process.env.CHROME_PATH,
  run: ([name, ...args]) => {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const { status, stdout, stderr, error } = spawnSync(name, args, { env, encoding: 'utf8' });
    return { ok: status === 0, output: error ? error.message : `${stdout}${stderr}` };
  },
});

const INSTALL = ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium'];

/**
 * Finds a browser or installs one.
 * @param {(line: string) => void} say
 * @param {Machine} [machine]
 */
export function ensureBrowser(say, machine = thisMachine()) {
  const { isRoot, chromePath, run } = machine;
  if (chromePath || BROWSERS.some((name) => run(['which', name]).ok)) return;
  const skipped = 'the tests that drive a browser are skipped';
  if (!run(['apt-get', '--version']).ok) {
    say(`no Chromium, and no apt to install it: ${skipped}. CHROME_PATH may name one.`);
    return;
  }
  if (!isRoot) {
    say(`no Chromium: ${skipped}. To install it: sudo ${INSTALL.join(' ')}`);
    return;
  }
  say('installing Chromium, for the tests that drive a browser …');
  if (run(INSTALL).ok) return;
  // Package lists may be missing or old.
  run(['apt-get', 'update']);
  if (!run(INSTALL).ok) say(`Chromium could not be installed: ${skipped}.`);
}
