import * as v from 'valibot';
import { parseSchema } from '../formats/parseSchema.ts';
import { recoverWrites } from '../platform/atomicWrite.ts';
import { UsageError } from '../platform/errors.ts';
import { fileExists, readJson } from '../platform/readFiles.ts';
import { joinPath } from '../platform/runtime.ts';
import { pretrainings } from './methods.ts';

export const RESULTS = 'results.json';

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** A pre-training that is done. */
export interface Pretrained {
  name: (typeof pretrainings)[number];
  seed: number;
  /** Of the model with its prediction head. */
  parameters: number;
  steps: number;
  /** Mean over the last tenth of the steps; those of different tasks cannot be compared. */
  loss: number;
}

/** A classifier that was trained and measured. */
export interface Cell {
  method: string;
  seed: number;
  /** Labelled rows trained on. */
  size: number;
  /** Of the classifier. */
  parameters: number;
  /** Those not frozen. */
  trained: number;
  /** On the test rows. */
  accuracy: number;
}

/** Results so far. No times: a study that was stopped and continued has the same results. */
export interface StudyResults {
  /** What the study was asked for. */
  settings: Record<string, unknown>;
  pretraining: Pretrained[];
  cells: Cell[];
}

const schema: v.GenericSchema<unknown, StudyResults> = v.object({
  settings: v.record(v.string(), v.unknown()),
  pretraining: v.array(
    v.object({
      name: v.picklist(pretrainings),
      seed: count,
      parameters: count,
      steps: count,
      loss: v.number(),
    }),
  ),
  cells: v.array(
    v.object({
      method: v.string(),
      seed: count,
      size: count,
      parameters: count,
      trained: count,
      accuracy: v.number(),
    }),
  ),
});

/**
 * Results in a folder, to continue them; empty if the folder has no results.
 * @throws UsageError when it is broken, or the study in it was of other settings.
 */
export async function openResults(
  dir: string,
  settings: Record<string, unknown>,
): Promise<StudyResults> {
  await recoverWrites(dir);
  const path = joinPath(dir, RESULTS);
  if (!(await fileExists(path))) return { settings, pretraining: [], cells: [] };
  const results = parseSchema(schema, await readJson(path), path, "a study's results");
  const begun = results.settings;
  const show = (value: unknown) => JSON.stringify(value) ?? 'not given';
  const changed = [...new Set([...Object.keys(begun), ...Object.keys(settings)])].find(
    (name) => show(begun[name]) !== show(settings[name]),
  );
  if (changed !== undefined)
    throw new UsageError(
      `${dir} holds a study with other settings: \`${changed}\`: ` +
        `expected ${show(begun[changed])}, got ${show(settings[changed])}; ` +
        `choose another \`out\` for a new study`,
    );
  return results;
}
