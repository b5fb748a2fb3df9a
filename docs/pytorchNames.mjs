// Writes docs/pytorch-names.md: which of PyTorch's names wigbert has. After a build: node docs/pytorchNames.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const here = (file) => new URL(file, import.meta.url);
const { torch, names } = JSON.parse(readFileSync(here('pytorchNames.json'), 'utf8'));
const differences = JSON.parse(readFileSync(here('pytorchDifferences.json'), 'utf8'));

/** The name in camelCase; a last underscore stays. */
const camelCase = (name) => name.replace(/(?<=[a-z0-9])_([a-z0-9])/gi, (_, c) => c.toUpperCase());

/** Where the names of each group are looked for; `lib`: the entries of the package. */
const places = {
  torch: (lib) => lib.main,
  Tensor: (lib) => lib.main.Tensor.prototype,
  nn: (lib) => lib.nn,
  'nn.functional': (lib) => lib.main,
  'nn.init': (lib) => lib.nn.init,
  'nn.utils': (lib) => ({ ...lib.optim, ...lib.nn }),
  optim: (lib) => lib.optim,
  'optim.lr_scheduler': (lib) => lib.optim,
  'utils.data': (lib) => lib.nn.data,
};
const fields = ['device', 'dtype', 'shape'];

/** What stands in the table for a name: where it is, how it differs, or undefined. */
function entryOf(group, name, lib) {
  const own = camelCase(name);
  const place = places[group](lib);
  const difference = differences[group]?.[name] ?? differences.aliases[name];
  if (difference) return `different: ${difference}`;
  if (own in place || (group === 'Tensor' && fields.includes(own))) return `\`${own}\``;
  return undefined;
}

/** The document. `lib`: { main, nn, optim }. */
export function table(lib) {
  const lines = [
    '# PyTorch’s names in wigbert',
    '',
    `Names of torch ${torch}, compared with the exports of this package by docs/pytorchNames.mjs.`,
    'Left out are names of data and machinery that wigbert does not have (sparse, quantized, complex,',
    'CUDA, distributed, jit, fft, matrix decompositions, three spatial dimensions) and in-place twins;',
    'docs/pytorchNames.py states the rule.',
  ];
  for (const [group, list] of Object.entries(names)) {
    const entries = list.map((name) => [name, entryOf(group, name, lib)]);
    const missing = entries.filter(([, entry]) => !entry).map(([name]) => `\`${name}\``);
    const there = entries.filter(([, entry]) => entry);
    lines.push('', `## ${group}`, '', `${there.length} of ${list.length}.`, '');
    lines.push('| PyTorch | wigbert |', '| --- | --- |');
    for (const [name, entry] of there) lines.push(`| \`${name}\` | ${entry} |`);
    if (missing.length > 0) lines.push('', `Not there: ${missing.join(', ')}.`);
  }
  return `${lines.join('\n')}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const built = (entry) => import(here(`../dist/src/${entry}.js`).href);
  const [main, nn, optim] = await Promise.all(['index', 'nn/index', 'nn/optim/index'].map(built));
  writeFileSync(here('pytorch-names.md'), table({ main, nn, optim }));
}
