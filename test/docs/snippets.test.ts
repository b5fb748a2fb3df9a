import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { pages, programsOf, root } from '../support/docs.ts';

/**
 * A project that has the built package in its node_modules. With the variable WIGBERT_TARBALL, npm
 * installs what is packed (`npm pack`) in a folder that has nothing else.
 */
const tarball = process.env.WIGBERT_TARBALL;
mkdirSync(join(root, 'out'), { recursive: true });
const project = mkdtempSync(join(tarball ? tmpdir() : join(root, 'out'), 'snippets-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));
const installed = join(project, 'node_modules/wigbert');
writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
if (tarball) {
  const install = ['install', resolve(tarball), '--no-audit', '--no-fund'];
  execFileSync('npm', install, { cwd: project, stdio: 'ignore' });
} else {
  mkdirSync(join(installed, 'data'), { recursive: true });
  for (const name of ['dist', 'models', 'bin'])
    symlinkSync(join(root, name), join(installed, name));
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
}
// Shorter sample data is quicker.
const ROWS = 24;
for (const name of readdirSync(join(root, 'data'))) {
  const text = readFileSync(join(root, 'data', name), 'utf8');
  const part = name.endsWith('.tsv') ? text.split('\n').slice(0, ROWS).join('\n') : text;
  writeFileSync(join(installed, 'data', name), part);
}

const programs = pages.flatMap(programsOf);
for (const { name, code } of programs)
  writeFileSync(join(project, `${name}.ts`), `${code}\nexport {};\n`);

const options: ts.CompilerOptions = {
  strict: true,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node', '@webgpu/types'],
  typeRoots: [join(root, 'node_modules/@types'), join(root, 'node_modules')],
  skipLibCheck: true,
  noEmit: true,
};

describe('the TypeScript of README and docs', () => {
  it('is type-checked', () => {
    const files = programs.map(({ name }) => join(project, `${name}.ts`));
    const checked = ts.getPreEmitDiagnostics(ts.createProgram(files, options));
    const messages = checked.map(({ file, messageText }) => [
      file?.fileName.split('/').at(-1),
      ts.flattenDiagnosticMessageText(messageText, '\n'),
    ]);
    expect(messages).toEqual([]);
  });

  it('runs', () => {
    // Both starts have the same programs, with other comments: they run once.
    const running = new Map<string, string>();
    const { target } = options;
    const compilerOptions = { target, module: ts.ModuleKind.ESNext, removeComments: true };
    for (const { name, code, runs } of programs) {
      const { outputText } = ts.transpileModule(code, { compilerOptions });
      if (runs && !running.has(outputText)) running.set(outputText, name);
    }
    expect(running.size).toBeGreaterThan(10);
    for (const [text, name] of running) writeFileSync(join(project, `${name}.mjs`), text);
    // One process for all: an adapter is slow to open.
    const imports = Array.from(
      running.values(),
      (name) => `console.log('#', '${name}');\nawait import('./${name}.mjs');`,
    );
    writeFileSync(join(project, 'all.mjs'), `${imports.join('\n')}\nprocess.exit(0);\n`);
    // No Vulkan driver, so that `auto` is the wasm device, which opens sooner; the packed package
    // is tried on the adapter.
    const env = tarball ? process.env : { ...process.env, VK_DRIVER_FILES: 'none' };
    const child = { cwd: project, encoding: 'utf8', env } as const;
    const output = execFileSync(process.execPath, ['all.mjs'], child);
    expect(output.match(/^# /gm)?.length).toBe(running.size);
  }, 600_000);
});
