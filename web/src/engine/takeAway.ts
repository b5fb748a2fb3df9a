/** What a run leaves to take away. */
import { type Zippable, zipSync } from 'fflate';
import { assemblePage } from 'wigbert/train';
import { findFile, namesIn } from '../../../src/platform/browser/privateFiles.ts';
import { readPageModel } from '../../../src/train/recipes/pageModel.ts';
import { fetchSite } from './data.ts';
import { useDeviceOf } from './device.ts';
import { findRun, modelFolder } from './runs.ts';

/** The files of a run's model folder. */
async function files(id: number): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const dir = modelFolder(id);
  const names = ((await namesIn(dir))?.file ?? []).filter(
    (name) => !/\.(tmp|part|saved)$/.test(name),
  );
  const entries = await Promise.all(
    names.map(async (name) => {
      const file = (await findFile(`${dir}/${name}`))!;
      return [name, new Uint8Array(await file.arrayBuffer())] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** A zip file of a folder `name` with the files of a run. */
export async function zip(id: number, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const content: Zippable = {};
  // Weights hardly get smaller.
  for (const [file, bytes] of Object.entries(await files(id)))
    content[`${name}/${file}`] = [bytes, { level: file.endsWith('.safetensors') ? 0 : 6 }];
  return zipSync(content) as Uint8Array<ArrayBuffer>;
}

/** The page that tells how a run went. */
export async function report(id: number): Promise<string> {
  const file = await findFile(`${modelFolder(id)}/report.html`);
  if (!file) throw new Error(`run ${id} has no report yet`);
  return file.text();
}

/** A page of one file that runs a run's model. */
export async function page(id: number, language: 'en' | 'ko'): Promise<string> {
  const template = await (await fetchSite('file-template.html')).text();
  await useDeviceOf();
  // What is in this browser is not downloaded.
  const model = await readPageModel(modelFolder(id), () => {});
  const { name: title } = await findRun(id);
  return assemblePage(template, model, { title, language });
}
