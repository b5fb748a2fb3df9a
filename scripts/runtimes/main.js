// Trains the app of scripts/bundlers on a device, saves its model in a folder, prints the labels.
import { mkdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { run } from './app.js';

const [device, dir] = process.argv.slice(2);
const { steps, sum, labels, files } = await run(device);
mkdirSync(dir, { recursive: true });
for (const [name, bytes] of Object.entries(files))
  writeFileSync(`${dir}/${name}`, Uint8Array.from(bytes));
console.log(JSON.stringify({ steps, sum, labels }));
process.exit();
