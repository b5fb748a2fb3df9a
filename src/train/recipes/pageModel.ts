import {
  type AutoModelClass,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../../bert/auto.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { findArchitecture, type Head } from '../../bert/registry.ts';
import { isShard, modelFiles, tokenizerFiles } from '../../formats/modelFiles.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { readBytes } from '../../platform/readFiles.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { CALIBRATION, readCalibration } from './calibrationFile.ts';
import type { InputEventOf } from './events.ts';
import { fetchModel } from './start.ts';

/** Models that a page of one file can run, by their heads. */
const classes: Partial<Record<Head, AutoModelClass<BertPreTrainedModel>>> = {
  'sequence-classification': AutoModelForSequenceClassification,
  'token-classification': AutoModelForTokenClassification,
  'masked-lm': AutoModelForMaskedLM,
  pretraining: AutoModelForMaskedLM,
};

/**
 * The files of a model for a page of one file, unchanged, after the model has been read once.
 * @throws UsageError for a model that cannot be used, or not in a page, and for an adapter.
 */
export async function readPageModel(
  name: string,
  report: (event: InputEventOf<'download'>) => void,
): Promise<Record<string, Uint8Array>> {
  const folder = await fetchModel(name, report);
  if (folder.adapter)
    throw new UsageError(
      `${name}: expected a whole model, got an adapter: merge it into its base model first`,
    );
  const architecture = await folder.architecture();
  const Model = classes[findArchitecture(architecture)?.head ?? 'none'];
  if (!Model)
    throw new UsageError(
      `${name}: expected a model that classifies or scores texts, tags words or fills masks, ` +
        `got ${formatValue(architecture)}`,
    );
  await loadTrained(Model, folder);
  const files: Record<string, Uint8Array> = {};
  for (const file of await namesOf(folder)) files[file] = await readBytes(folder.path(file));
  return files;
}

async function namesOf(folder: ModelFolder): Promise<string[]> {
  const all = (await folder.names()) ?? [];
  const weights = all.includes(modelFiles.weights)
    ? [modelFiles.weights]
    : all.filter((name) => name === modelFiles.weightsIndex || isShard(name));
  const isCalibrated = (await readCalibration(folder)) !== undefined;
  return [
    modelFiles.config,
    ...tokenizerFiles.filter((name) => all.includes(name)),
    ...(isCalibrated ? [CALIBRATION] : []),
    ...weights,
  ];
}
