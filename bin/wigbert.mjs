#!/usr/bin/env node
// This file exists before dist is built, because npx remembers the first target it finds.
import { existsSync } from 'node:fs';

const main = new URL('../dist/src/cli/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error('wigbert is not built: run `npm run build` first');
  process.exitCode = 1;
}
