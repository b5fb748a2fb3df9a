import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const guide = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
const block = (name: string): string => {
  const found = guide.match(new RegExp(`^\`\`\`\\w+ ${name}\\n([\\s\\S]*?)^\`\`\``, 'm'));
  if (!found) throw new Error(`CONTRIBUTING.md has no block ${name}`);
  return found[1];
};

// A copy of the sources inside the repository, so that packages are found.
mkdirSync(join(root, 'out'), { recursive: true });
const copy = mkdtempSync(join(root, 'out', 'contributing-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));
cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
for (const name of ['tsconfig.json', 'package.json']) cpSync(join(root, name), join(copy, name));
const files = ['src/kernels/elementwise/logit.ts', 'src/tensor/ops/logit.ts'];
writeFileSync(join(copy, files[0]), block('kernel'));
writeFileSync(join(copy, files[1]), block('operation'));

describe('the operation of CONTRIBUTING.md', () => {
  it('is type-checked', () => {
    const { config } = ts.readConfigFile(join(copy, 'tsconfig.json'), ts.sys.readFile);
    const given = { ...config, files, include: [] };
    const { fileNames, options, errors } = ts.parseJsonConfigFileContent(given, ts.sys, copy);
    const program = ts.createProgram(fileNames, { ...options, noEmit: true });
    // These files alone: `npm run typecheck` checks the others.
    const found = fileNames.flatMap((name) => [
      ...program.getSyntacticDiagnostics(program.getSourceFile(name)),
      ...program.getSemanticDiagnostics(program.getSourceFile(name)),
    ]);
    const all = [...errors, ...program.getOptionsDiagnostics(), ...found];
    expect(fileNames).toHaveLength(2);
    expect(
      all.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    ).toEqual([]);
  });

  it('computes what its reference does, with its gradient', async () => {
    const at = (path: string) => join(copy, 'src', path);
    const { tensor, openDevice } = {
      ...(await import(at('tensor/index.ts'))),
      ...(await import(at('device/open.ts'))),
    };
    const { logit } = await import(at('tensor/ops/logit.ts'));
    const gpu = await openDevice('webgpu').catch(() => undefined);
    const values = [0.1, 0.5, 0.9];
    for (const device of [await openDevice('cpu'), ...(gpu ? [gpu] : [])]) {
      const x = tensor(values, { device }).requiresGrad_();
      const y = logit(x);
      const expected = values.map((v) => Math.log(v / (1 - v)));
      for (const [i, value] of (await y.tolist()).entries())
        expect(value).toBeCloseTo(expected[i], 5);
      y.sum().backward();
      expect(() => logit([0.5])).toThrow(/^logit: expected a tensor/);
      for (const [i, slope] of (await x.grad.tolist()).entries())
        expect(slope).toBeCloseTo(1 / (values[i] * (1 - values[i])), 4);
    }
    gpu?.destroy();
  });

  it('has lines of tests in the form of the others', () => {
    const has = (path: string, text: string) =>
      expect(readFileSync(join(root, path), 'utf8').split('\n')).toContain(text);
    has('test/tensor/walk/operations.py', block('walk').trimEnd());
    const call = /^case\("torch\.\w+\(x\)", "\w+", "x", x=like\("(\w+)", 3, 5\)\)\n$/;
    const [, kind] = block('golden').match(call)!;
    const generators = ['cases.py', 'ops.py'].map((name) =>
      readFileSync(join(root, 'test/golden/generate', name), 'utf8'),
    );
    for (const text of generators) expect(text).toContain(`"${kind}"`);
  });
});
