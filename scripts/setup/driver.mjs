/**
 * Gives a machine without a WebGPU adapter one: installs Mesa's software Vulkan driver with apt if
 * allowed, else prints the commands.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atLeast, backports, parseDeb822, parseOneLine, parsePolicy } from './apt.mjs';
import { installCommand, thisMachine } from './install.mjs';
import { isVerified, probeAdapter, rememberVerified } from './probe.mjs';

/** @typedef {import('./apt.mjs').Source} Source */
/** @typedef {import('./probe.mjs').Adapter} Adapter */

/**
 * Dawn requires dynamic indexing of storage image arrays. Mesa's software driver has it from 23.2
 * on; 22.3 is refused.
 */
const LEAST_MESA = '23.2';
const PACKAGES = ['mesa-vulkan-drivers', 'libvulkan1'];
const SOURCE_PATH = '/etc/apt/sources.list.d/wigbert-backports.sources';

/** Other package managers: their command is only printed. */
const OTHER_MANAGERS = /** @type {Record<string, string>} */ ({
  fedora: 'dnf install mesa-vulkan-drivers vulkan-loader',
  arch: 'pacman -S vulkan-swrast vulkan-icd-loader',
  suse: 'zypper install libvulkan_lvp libvulkan1',
});

/**
 * Facts about the machine that decide on the driver. `isUpdated`: apt's package lists are fresh.
 * @typedef {{
 *   platform: string, isRoot: boolean, os: Record<string, string>, hasApt: boolean,
 *   isUpdated: boolean,
 *   policy: { installed?: string, candidate?: string }, sources: Source[],
 * }} Facts
 */

/**
 * What to do: write `source` (if any) and run `commands`. If `allowed`, this script does it, else a
 * person.
 * @typedef {{
 *   reason: string, allowed: boolean, commands: string[][],
 *   source?: { path: string, text: string },
 * }} Plan
 */

/**
 * Reads /etc/os-release.
 * @param {string} text
 * @returns {Record<string, string>}
 */
export function parseOsRelease(text) {
  const pairs = [...text.matchAll(/^([A-Z_]+)=["']?(.*?)["']?$/gm)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
}

/**
 * The command of another package manager, if the system is known.
 * @param {string[]} families names of the system and those it is like
 * @returns {string[][]}
 */
function otherCommands(families) {
  const command = Object.keys(OTHER_MANAGERS).find((family) =>
    families.some((name) => name?.includes(family)),
  );
  return command ? [OTHER_MANAGERS[command].split(' ')] : [];
}

/**
 * @param {Facts} facts
 * @returns {Plan}
 */
export function planDriver({ platform, isRoot, os, hasApt, isUpdated, policy, sources }) {
  /** @type {(reason: string, commands?: string[][]) => Plan} */
  const tell = (reason, commands = []) => ({ reason, allowed: false, commands });
  if (platform !== 'linux') return tell('the graphics driver offers none');
  const families = [os.ID, ...(os.ID_LIKE ?? '').split(' ')];
  if (!hasApt || !families.some((family) => family === 'debian' || family === 'ubuntu'))
    return tell('this script installs no driver on this system', otherCommands(families));

  const { installed, candidate } = policy;
  if (installed && atLeast(installed, LEAST_MESA))
    return tell(`Mesa ${installed} is installed but offers none`);
  const update = ['apt-get', 'update'];
  if (!candidate) return tell(`apt offers no ${PACKAGES[0]}`, [update]);
  if (atLeast(candidate, LEAST_MESA)) {
    const reason = isRoot ? 'none is installed' : 'installing a driver needs root';
    const commands = [installCommand(PACKAGES)];
    return { reason, allowed: isRoot, commands: isUpdated ? commands : [update, ...commands] };
  }

  const old = `this release's Mesa ${candidate} is older than ${LEAST_MESA}`;
  const codename = os.VERSION_CODENAME;
  const text = os.ID === 'debian' && codename ? backports(sources, codename) : undefined;
  if (text === undefined)
    return tell(`${old}: this system's updates or its next release may have it`);
  const only = ['-o', `Dir::Etc::SourceList=${SOURCE_PATH}`, '-o', 'Dir::Etc::SourceParts=-'];
  const updateSource = isUpdated ? [...update, ...only, '-o', 'APT::Get::List-Cleanup=0'] : update;
  const commands = [installCommand(PACKAGES, ['-t', `${codename}-backports`])];
  return {
    reason: isRoot ? old : `${old} and installing a newer one needs root`,
    allowed: isRoot,
    commands: isUpdated && !text ? commands : [updateSource, ...commands],
    source: text ? { path: SOURCE_PATH, text } : undefined,
  };
}

/**
 * The plan's commands as a person types them.
 * @param {Plan} plan
 * @param {boolean} isRoot
 */
export function commandLines({ commands, source }, isRoot) {
  const lines = commands.map((command) => command.join(' '));
  if (source) lines.unshift(`tee ${source.path} <<'END'\n${source.text}END`);
  return lines.map((line) => (isRoot ? line : `sudo ${line}`)).join('\n');
}

/**
 * The parts of the machine that are read and changed; tests replace them.
 * @typedef {import('./install.mjs').Machine & {
 *   platform: string, etc: string, probe: () => Adapter | undefined,
 * }} Machine
 */

/**
 * @param {string} root
 * @returns {Machine}
 */
const machineOf = (root) => ({
  ...thisMachine,
  platform: process.platform,
  etc: '/etc',
  probe: () => probeAdapter(root),
});

/**
 * @param {Machine} machine
 * @returns {Facts}
 */
function readFacts({ platform, isRoot, etc, run }) {
  const osRelease = join(etc, 'os-release');
  const apt = join(etc, 'apt');
  const folder = join(apt, 'sources.list.d');
  const files = [
    join(apt, 'sources.list'),
    ...(existsSync(folder)
      ? readdirSync(folder)
          .sort()
          .map((name) => join(folder, name))
      : []),
  ];
  const sources = files
    .filter((path) => existsSync(path))
    .flatMap((path) => {
      if (path.endsWith('.sources')) return parseDeb822(readFileSync(path, 'utf8'));
      return path.endsWith('.list') ? parseOneLine(readFileSync(path, 'utf8')) : [];
    });
  const policy = run(['apt-cache', 'policy', PACKAGES[0]]);
  return {
    platform,
    isRoot,
    os: existsSync(osRelease) ? parseOsRelease(readFileSync(osRelease, 'utf8')) : {},
    hasApt: policy.ok,
    isUpdated: false,
    policy: parsePolicy(policy.output),
    sources,
  };
}

/**
 * @param {Plan} plan
 * @param {Machine} machine
 * @returns {string | undefined} what went wrong
 */
function carryOut({ commands, source }, { etc, run }) {
  const path = source?.path.replace(/^\/etc/, etc);
  try {
    if (path && source) writeFileSync(path, source.text);
  } catch (error) {
    return `${path} could not be written: ${error instanceof Error ? error.message : error}`;
  }
  // An update often fails because of one unrelated source. Its errors only matter if the
  // installation fails too.
  const results = commands.map((command) => ({ command, ...run(command) }));
  if (results[results.length - 1].ok) return undefined;
  if (path) rmSync(path, { force: true });
  return results
    .flatMap(({ command, ok, output }) => {
      const lines = output.trim().split('\n');
      const errors = lines.filter((line) => /^E: |^W: Failed to fetch/.test(line));
      if (ok && !errors.length) return [];
      return [`${command.join(' ')}:`, ...(errors.length ? errors : lines).slice(-3)];
    })
    .join('\n');
}

/** @param {Adapter} adapter */
const describe = ({ description, vendor, isSoftware }) =>
  `${description || vendor || 'unnamed'}${isSoftware ? ' (software: runs on the CPU)' : ''}`;

/**
 * Finds a WebGPU adapter; installs a driver if allowed. It never fails: without an adapter the wasm
 * device does the work, and it says how to get one.
 * @param {string} root
 * @param {(line: string) => void} say
 * @param {Machine} [machine]
 */
export function ensureAdapter(root, say, machine = machineOf(root)) {
  if (isVerified(root)) return;
  let adapter = machine.probe();
  if (!adapter) {
    let facts = readFacts(machine);
    // A fresh image has no package lists yet, so apt offers nothing.
    if (facts.hasApt && facts.isRoot && !facts.policy.candidate) {
      machine.run(['apt-get', 'update']);
      facts = { ...readFacts(machine), isUpdated: true };
    }
    const plan = planDriver(facts);
    let problem = plan.reason;
    if (plan.allowed) {
      say(`no WebGPU adapter (${plan.reason}): installing a software driver, ${PACKAGES[0]} …`);
      problem = carryOut(plan, machine) ?? '';
      adapter = problem ? undefined : machine.probe();
      problem ||= 'the driver was installed, but offers none';
    }
    if (!adapter) {
      const commands = commandLines(plan, machine.isRoot);
      say(`no WebGPU adapter: ${problem}\nThe wasm device will be used.`);
      if (commands) say(`to get an adapter, run this and then npx wigbert setup:\n${commands}`);
      return;
    }
  }
  rememberVerified(root, adapter);
  say(`WebGPU adapter: ${describe(adapter)}`);
}
