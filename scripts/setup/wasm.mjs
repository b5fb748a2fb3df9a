/**
 * Compiles assembly/ to src/device/wasm/modules.js, if a source is newer: the WebAssembly of the
 * `wasm` device as text in a JavaScript module, which every bundler takes. Git ignores it.
 *
 * AssemblyScript rather than an assembler: kernels are read and written as TypeScript, and the
 * micro-kernel of products reaches 97 % of what a loop of multiply-adds on registers does.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = 'assembly';
const OUTPUT = 'src/device/wasm/modules.js';

/** What both builds have in common. The device makes the memory, which its threads share. */
const OPTIONS = [
  ...['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory'],
  ...['--sharedMemory', '--initialMemory', '2', '--maximumMemory', '65536'],
  ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory'],
  // AS201: addresses and counts are both 32 bits wide here.
  ...['--disableWarning', '201'],
];
const BUILDS = { plain: [], relaxed: ['--enable', 'relaxed-simd'] };

/**
 * Compiles the modules if they are not up to date.
 * @param {string} root
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} false if they do not compile; true if there is nothing to compile
 */
export async function ensureWasm(root, say) {
  if (!existsSync(join(root, SOURCES))) return true;
  const output = join(root, OUTPUT);
  const inputs = [
    ...readdirSync(join(root, SOURCES), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(SOURCES, name)),
    'scripts/setup/wasm.mjs',
  ];
  const newest = Math.max(...inputs.map((path) => statSync(join(root, path)).mtimeMs));
  if (existsSync(output) && statSync(output).mtimeMs >= newest) return true;

  say('compiling WebAssembly …');
  const { default: asc } = await import('assemblyscript/asc');
  const lines = ['// Made by scripts/setup/wasm.mjs.'];
  for (const [name, options] of Object.entries(BUILDS)) {
    /** @type {Uint8Array | undefined} */
    let bytes;
    const { error, stderr } = await asc.main(
      [`${SOURCES}/index.ts`, ...OPTIONS, ...options, '--baseDir', root, '--outFile', 'out.wasm'],
      { writeFile: (_, contents) => void (bytes = /** @type {Uint8Array} */ (contents)) },
    );
    if (error || !bytes) {
      say(`assembly/ does not compile:\n${stderr}`);
      return false;
    }
    lines.push(`export const ${name} =\n  '${Buffer.from(bytes).toString('base64')}';`);
  }
  mkdirSync(join(output, '..'), { recursive: true });
  // Renamed when whole: another process may be reading it.
  writeFileSync(`${output}.${process.pid}`, `${lines.join('\n')}\n`);
  renameSync(`${output}.${process.pid}`, output);
  return true;
}
