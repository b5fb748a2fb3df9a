/** Looks for a WebGPU adapter in a child process, because a broken driver can kill its process. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** @typedef {{ vendor: string, description: string, isSoftware: boolean }} Adapter */

const PROBE = `
  import { create } from 'webgpu';
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  const info = adapter?.info;
  const { vendor, description, isFallbackAdapter: isSoftware } = info ?? {};
  const found = info ? { vendor, description, isSoftware } : null;
  process.stdout.write(JSON.stringify(found), () => process.exit());
`;

/**
 * @param {string} root where the package `webgpu` is found from
 * @param {string} [script] the program of the child process
 * @param {number} [timeout] milliseconds
 * @returns {Adapter | undefined} undefined also if the driver crashed or hung
 */
export function probeAdapter(root, script = PROBE, timeout = 60_000) {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', script],
    {
      cwd: root,
      encoding: 'utf8',
      timeout,
      killSignal: 'SIGKILL',
    },
  );
  try {
    return (status === 0 && JSON.parse(stdout)) || undefined;
  } catch {
    return undefined;
  }
}

/** A Vulkan loader finds drivers by these variables and by files in these folders. */
const VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES', 'LD_LIBRARY_PATH'];
const LOADERS = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
];

/** @param {NodeJS.ProcessEnv} env */
function driverFolders(env) {
  const home = homedir();
  const bases = [
    env.XDG_CONFIG_HOME || join(home, '.config'),
    ...(env.XDG_CONFIG_DIRS || '/etc/xdg').split(delimiter),
    '/etc',
    env.XDG_DATA_HOME || join(home, '.local', 'share'),
    ...(env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(delimiter),
  ];
  return bases.map((base) => join(base, 'vulkan', 'icd.d'));
}

/**
 * A fingerprint of everything that decides whether an adapter is found. While it is unchanged, an
 * earlier result holds and no process is started.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} [env]
 */
export function adapterKey(root, env = process.env) {
  const hash = createHash('sha256');
  hash.update(
    [process.platform, process.arch, process.version, ...VARIABLES.map((name) => env[name])].join(
      '\n',
    ),
  );
  const lock = join(root, 'package-lock.json');
  if (existsSync(lock)) hash.update(readFileSync(lock));
  if (process.platform === 'linux') {
    const drivers = driverFolders(env)
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
    const loaders = LOADERS.map((folder) => join(folder, 'libvulkan.so.1'));
    for (const path of [...drivers, ...loaders].filter((file) => existsSync(file)))
      hash.update(`${path} ${statSync(path).mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** @param {string} root */
const stampPath = (root) => join(root, 'node_modules', '.wigbert-setup.json');

/** @param {string} root */
export function isVerified(root) {
  try {
    return JSON.parse(readFileSync(stampPath(root), 'utf8')).key === adapterKey(root);
  } catch {
    return false;
  }
}

/**
 * @param {string} root
 * @param {Adapter} adapter
 */
export function rememberVerified(root, adapter) {
  const text = `${JSON.stringify({ key: adapterKey(root), adapter }, null, 2)}\n`;
  try {
    writeFileSync(stampPath(root), text);
  } catch {
    // Without write access to node_modules the next run looks again.
  }
}
