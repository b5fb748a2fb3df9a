import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { root } from '../support/docs.ts';

/** Files whose functions and classes still lack examples; the list may only become shorter. */
const WITHOUT_EXAMPLES = /^src\/tensor\/capture\.ts$/;

interface Export {
  name: string;
  file: string;
  isCallable: boolean;
  hasText: boolean;
  hasExample: boolean;
}

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { default: string }>;
};
const entries = Object.values(exports).flatMap((target) =>
  typeof target === 'string'
    ? []
    : [join(root, target.default.replace('./dist/', '').replace(/\.js$/, '.ts'))],
);
const { config } = ts.readConfigFile(join(root, 'tsconfig.build.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram(entries, { ...options, noEmit: true });
const checker = program.getTypeChecker();

const found = new Map<ts.Symbol, Export>();
function visit(exported: ts.Symbol, name: string): void {
  const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
  const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
  if (found.has(symbol)) return;
  if (symbol.flags & ts.SymbolFlags.ValueModule) {
    for (const inner of checker.getExportsOfModule(symbol)) visit(inner, `${name}.${inner.name}`);
    return;
  }
  const declaration = symbol.declarations![0];
  const isValue = (symbol.flags & (ts.SymbolFlags.Variable | ts.SymbolFlags.Function)) !== 0;
  const isFunction =
    isValue &&
    checker.getTypeOfSymbolAtLocation(symbol, declaration).getCallSignatures().length > 0;
  found.set(symbol, {
    name,
    file: relative(root, declaration.getSourceFile().fileName),
    isCallable: isFunction || (symbol.flags & ts.SymbolFlags.Class) !== 0,
    hasText: symbol.getDocumentationComment(checker).length > 0,
    hasExample: symbol.getJsDocTags(checker).some((tag) => tag.name === 'example'),
  });
}
for (const entry of entries)
  for (const symbol of checker.getExportsOfModule(
    checker.getSymbolAtLocation(program.getSourceFile(entry)!)!,
  ))
    visit(symbol, symbol.name);
const all = [...found.values()];
const named = (some: Export[]) => some.map(({ name, file }) => `${file}: ${name}`);

describe('what the package exports', () => {
  it('has a docstring each', () => {
    expect(all.length).toBeGreaterThan(400);
    expect(named(all.filter(({ hasText }) => !hasText))).toEqual([]);
  });

  it('has an example with each function and class', () => {
    const without = all.filter(({ isCallable, hasExample }) => isCallable && !hasExample);
    expect(named(without.filter(({ file }) => !WITHOUT_EXAMPLES.test(file)))).toEqual([]);
  });
});
