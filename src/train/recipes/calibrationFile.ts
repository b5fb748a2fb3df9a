/**
 * calibration.json in a model's folder: what validation data told about its probabilities. Other
 * programs pass it by. It holds for the weights that it names, and for no others.
 */
import * as v from 'valibot';
import { modelFiles } from '../../formats/modelFiles.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { parseSchema } from '../../formats/parseSchema.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { checkFile } from '../../platform/checkFile.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue } from '../../platform/format.ts';
import { hashFile } from '../../platform/hash.ts';
import { readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { Task } from '../tasks/task.ts';

export const CALIBRATION = 'calibration.json';

/** Larger ones are no calibration. */
const MAX_BYTES = 10_000_000;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const schema = v.object({
  /** Logits are divided by it. */
  temperature: v.pipe(v.number(), v.finite(), v.gtValue(0)),
  /** Of each label, for models that give several. */
  thresholds: v.optional(v.record(v.string(), share)),
  /** Examples it was found with. */
  examples: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** SHA-256 of model.safetensors, or of an adapter's weights. */
  weights: v.string(),
});

/** What calibration.json holds. */
export type CalibrationFile = v.InferOutput<typeof schema>;

/**
 * The calibration of a model; undefined if its folder has none, or that of other weights, and in
 * browsers.
 * @throws UsageError if the file is broken.
 */
export async function readCalibration(folder: ModelFolder): Promise<CalibrationFile | undefined> {
  // A browser, which lists no folders, cannot tell whose weights these are.
  const names = await folder.names();
  const weights = folder.adapter ? modelFiles.adapterWeights : modelFiles.weights;
  if (!names?.includes(CALIBRATION) || !names.includes(weights)) return undefined;
  await checkFile(folder.dir, CALIBRATION, MAX_BYTES);
  const path = folder.path(CALIBRATION);
  const calibration = parseSchema(schema, await readJson(path), path, 'a calibration');
  const { sha256 } = await hashFile(folder.path(weights));
  return sha256 === calibration.weights ? calibration : undefined;
}

/** Gives the same model, in another folder and with other bytes, the calibration that it has. */
export async function copyCalibration(folder: ModelFolder, out: string): Promise<void> {
  const calibration = await readCalibration(folder);
  if (!calibration) return;
  const { sha256: weights } = await hashFile(joinPath(out, modelFiles.weights));
  await writeFiles(out, calibrationContent({ ...calibration, weights }));
}

/** The file, by its name. */
export const calibrationContent = (calibration: CalibrationFile): Record<string, string> => ({
  [CALIBRATION]: `${JSON.stringify(calibration, undefined, 1)}\n`,
});

/** @throws UsageError if the model has no calibration, or no labels whose probability it gives. */
export function checkCalibrated(
  calibration: CalibrationFile | undefined,
  { name }: ModelFolder,
  task: Task,
): void {
  if (!task.decisions)
    throw new UsageError(
      `\`calibrated\`: expected a model that gives labels, got ${name}, ` +
        `a model for ${task.name}`,
    );
  if (!calibration)
    throw new UsageError(
      `\`calibrated\`: expected a model with a ${CALIBRATION} for its weights, got ${name}: ` +
        'training writes one if there is validation data',
    );
}

/**
 * The thresholds of labels, in the order of the model: one for all if it is given, else those of
 * the calibration; undefined for the usual 0.5.
 * @throws UsageError for a calibration of other labels.
 */
export function thresholdsOf(
  labels: readonly string[],
  given: number | undefined,
  calibration: CalibrationFile | undefined,
): number[] | undefined {
  if (given !== undefined) return labels.map(() => given);
  const thresholds = calibration?.thresholds;
  if (!thresholds) return undefined;
  const missing = labels.filter((label) => !Object.hasOwn(thresholds, label));
  if (missing.length > 0)
    throw new UsageError(
      `${CALIBRATION}: expected a threshold for each label, got none for ${formatNames(missing)}`,
    );
  return labels.map((label) => thresholds[label]);
}

/** The probability that another becomes, once the logit it is of is divided by a temperature. */
export const atTemperature = (probability: number, temperature: number): number =>
  1 / (1 + ((1 - probability) / probability) ** (1 / temperature));

/** @throws UsageError unless a model gives one label, and the probability is one. */
export function checkAbstaining(below: number, task: string, model: string): void {
  if (!(below >= 0 && below <= 1))
    throw new UsageError(
      `\`abstainBelow\`: expected a probability from 0 to 1, got ${formatValue(below)}`,
    );
  if (task !== 'classification')
    throw new UsageError(
      `\`abstainBelow\`: expected a model that gives one label, got ${model}, ` +
        `a model for ${task}`,
    );
}
