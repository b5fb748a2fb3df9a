import type { FileContent } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import { checkKeys } from '../../platform/usage.ts';
import { type BertConfig, bertConfig, labelFields } from '../config.ts';
import type { WeightDtype } from './torchDtype.ts';

/** Options of `fromPretrained`. */
export interface PretrainedOptions {
  /** Labels for `config.id2label`; a classifier for another number of labels is drawn at random. */
  labels?: readonly string[];
  /** What a sequence classifier is trained for, instead of what the folder says. */
  problemType?: BertConfig['problemType'];
  /** Seed of the weights that the folder lacks. */
  seed?: number;
  /**
   * Fields that replace those of config.json, as dropout: keyword arguments in Python. One of
   * `numLabels`, `id2label` and `label2id` replaces all three, as `labels` does.
   */
  config?: Partial<BertConfig>;
}

/** Options of `savePretrained`. */
export interface SaveOptions {
  /**
   * float16 halves the file and rounds the weights (PyTorch's `model.half()`); int8, which only
   * wigbert reads, takes a quarter. Default float32.
   */
  torchDtype?: WeightDtype;
}

const LABEL_FIELDS = ['numLabels', 'id2label', 'label2id'] as const;

/** @throws UsageError for an option of `fromPretrained` that there is not, or no labels at all. */
export function checkPretrainedOptions(options: PretrainedOptions): void {
  checkKeys(options, ['labels', 'problemType', 'seed', 'config'], 'option of fromPretrained');
  if (options.labels?.length === 0)
    throw new UsageError('`labels`: expected one label or more, got none');
}

/**
 * The configuration of a folder with the changes of the options, and whether its labels are new.
 * @throws UsageError for a field that is unknown or out of range.
 */
export function changedConfig(
  saved: BertConfig,
  { labels, problemType, config: fields = {} }: PretrainedOptions,
): { config: BertConfig; hasNewLabels: boolean } {
  const changes: Partial<BertConfig> = {
    ...fields,
    ...(problemType !== undefined && { problemType }),
    ...(labels && labelFields(labels)),
  };
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  if (given.length === 0) return { config: saved, hasNewLabels: false };
  const hasNewLabels = LABEL_FIELDS.some((field) => changes[field] !== undefined);
  const kept: Partial<BertConfig> = { ...saved };
  if (hasNewLabels) for (const field of LABEL_FIELDS) delete kept[field];
  return { config: bertConfig({ ...kept, ...Object.fromEntries(given) }), hasNewLabels };
}

/** @throws UsageError for options of `savePretrained` that there are not, or among the files. */
export function checkSaveOptions(
  extraFiles: Record<string, FileContent>,
  options: SaveOptions,
): void {
  for (const name of ['torchDtype', 'dtype'])
    if (Object.hasOwn(extraFiles, name))
      throw new UsageError(
        `\`${name}\`: expected among the options, the argument after \`extraFiles\`, ` +
          'got it as the name of a file',
      );
  checkKeys(options, ['torchDtype'], 'option of savePretrained');
}
