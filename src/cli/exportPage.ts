import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { formatBytes } from '../platform/format.ts';
import { checkOutFile, writeOutFile } from '../train/recipes/outFile.ts';
import { assemblePage, type PageFileOptions } from '../train/recipes/pageFile.ts';
import { readPageModel } from '../train/recipes/pageModel.ts';
import { reportInput } from './inputReports.ts';
import { openCliDevice } from './openDevice.ts';
import { builtPage } from './webFolder.ts';

/** Options of `wigbert export page`. */
interface ExportPageOptions extends PageFileOptions {
  model: string;
  out: string;
}

/** Writes a model as a page that is one file. */
export async function exportPage({ model, out, title, language }: ExportPageOptions) {
  await checkOutFile(out);
  const template = await readFile(builtPage('file-template.html'), 'utf8');
  await openCliDevice('cpu', true);
  const files = await readPageModel(model, (event) => reportInput(event, false));
  const name = title ?? basename(out).replace(/\.html?$/i, '');
  const page = await assemblePage(template, files, { title: name, language });
  const bytes = new TextEncoder().encode(page);
  await writeOutFile(out, Readable.from([bytes]));
  const size = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  console.log(`${out}: ${formatBytes(bytes.length)}, of a model of ${formatBytes(size)}`);
}
