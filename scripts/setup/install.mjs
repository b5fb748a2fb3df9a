/** Installs Debian packages with apt. */
import { spawnSync } from 'node:child_process';

/** @typedef {(command: string[]) => { ok: boolean, output: string }} Run */

/**
 * The parts of the machine that are read and changed; tests replace them.
 * @typedef {{ isRoot: boolean, run: Run }} Machine
 */

/** @type {Machine} */
export const thisMachine = {
  isRoot: process.getuid?.() === 0,
  run: ([name, ...args]) => {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const { status, stdout, stderr, error } = spawnSync(name, args, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { ok: status === 0, output: error ? error.message : `${stdout}${stderr}` };
  },
};

/**
 * The command that installs packages. A fresh machine may be busy with its own first upgrade: apt
 * waits for it.
 * @param {string[]} packages
 * @param {string[]} [options] more of apt-get's
 */
export const installCommand = (packages, options = []) => [
  ...['apt-get', 'install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'],
  ...options,
  ...packages,
];

/**
 * Installs a package that some tests need, if allowed; else says what to do. It never fails: those
 * tests are skipped.
 * @param {string} name of the package
 * @param {string} skipped such as 'the tests that drive a browser are skipped'
 * @param {(line: string) => void} say
 * @param {Machine} machine
 */
export function installForTests(name, skipped, say, { isRoot, run }) {
  const command = installCommand([name]);
  if (!run(['apt-get', '--version']).ok) {
    say(`no ${name}, and no apt to install it: ${skipped}.`);
    return;
  }
  if (!isRoot) {
    say(`no ${name}: ${skipped}. To install it: sudo ${command.join(' ')}`);
    return;
  }
  say(`installing ${name} …`);
  if (run(command).ok) return;
  // Package lists may be missing or old. An update that fails for one source may help still.
  run(['apt-get', 'update']);
  if (!run(command).ok) say(`${name} could not be installed: ${skipped}.`);
}
