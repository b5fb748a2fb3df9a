import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../platform/errors.ts';
import { packageVersion, shippedFile } from './shippedFile.ts';

const train = `// Trains a classifier on data/train.tsv; saves it in out/model.
import { useDevice } from 'wigbert';
import { evaluate, fineTune, pipeline } from 'wigbert/train';

const device = await useDevice('auto'); // WebGPU on a GPU, else WebAssembly or a software adapter
console.log(\`training on \${device.kind} (\${device.description})\`);

const settings = {
  data: 'data/train.tsv', // a column \`text\` and a column \`label\`
  vocab: 'data/vocab.txt', // a fresh small model; \`model: 'FOLDER'\` starts from a trained one
  out: 'out/model',
  overwrite: true,
  learningRate: 5e-4,
  groupByLength: true,
};
await fineTune(settings, {
  onEvent: (event) => {
    if (event.event !== 'epoch') return;
    const { epoch, trainLoss, validAccuracy } = event;
    console.log(\`epoch \${epoch}: loss \${trainLoss.toFixed(3)}, accuracy \${validAccuracy}\`);
  },
});

const { metrics } = await evaluate({ data: 'data/test.tsv', model: 'out/model' });
console.log('on data/test.tsv:', metrics);

const classifier = await pipeline('text-classification', 'out/model');
console.log(await classifier.predict(['I loved every minute of it', 'a waste of time']));
`;

const readme = (name: string) => `# ${name}

A classifier of texts, trained by [wigbert](https://www.npmjs.com/package/wigbert).

    npm install
    npm start     # trains on data/train.tsv, measures on data/test.tsv, saves out/model

Then label texts, one a line:

    npx wigbert predict --model out/model 'a film to remember'

- \`data/train.tsv\` and \`data/test.tsv\` have a column \`text\` and a column \`label\`: put your
  own in their place. Other words need another vocabulary:
  \`npx wigbert vocab data/train.tsv --size 8000 --out data/vocab.txt\`
- \`train.mjs\` has the settings. \`out/model/history.svg\` shows how the training went.
- \`npx wigbert doctor\` says what this machine has. It trains without a WebGPU adapter too,
  on all cores; \`npx wigbert setup\` looks for an adapter.
`;

/**
 * Makes a project that trains a classifier. Returns its name.
 * @throws UsageError when the folder is a file, or holds anything.
 */
export async function initProject(folder: string): Promise<string> {
  const held = await readdir(folder).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw new UsageError(`cannot make a project in ${folder}: it is not a folder`);
  });
  if (held.length > 0)
    throw new UsageError(`cannot make a project in ${folder}: expected an empty folder`);
  const name = packageName(folder);
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    scripts: { start: 'node train.mjs' },
    dependencies: { wigbert: `^${packageVersion()}` },
  };
  try {
    await mkdir(join(folder, 'data'), { recursive: true });
    for (const [from, to] of [
      ['reviews.tsv', 'train.tsv'],
      ['reviews-test.tsv', 'test.tsv'],
      ['vocab.txt', 'vocab.txt'],
    ])
      await copyFile(shippedFile(`data/${from}`), join(folder, 'data', to));
    await writeFile(join(folder, 'train.mjs'), train);
    await writeFile(join(folder, 'README.md'), readme(name));
    await writeFile(join(folder, '.gitignore'), 'node_modules/\nout/\n');
    await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  } catch (error) {
    throw new UsageError(`cannot write into ${folder}: ${(error as Error).message}`);
  }
  return name;
}

/** The folder's name as npm takes it. */
const packageName = (folder: string): string =>
  basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '') || 'my-classifier';
