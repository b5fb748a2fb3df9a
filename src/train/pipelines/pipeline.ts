import { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { architectures, findArchitecture, type Head } from '../../bert/registry.ts';
import { type ModelSource, openModelFolder } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { checkKeys } from '../../platform/usage.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { PipelineOptions } from './encode.ts';
import { FeatureExtractionPipeline } from './featureExtraction.ts';
import { FillMaskPipeline } from './fillMask.ts';
import { QuestionAnsweringPipeline } from './questionAnswering.ts';
import { TextClassificationPipeline } from './textClassification.ts';
import { TokenClassificationPipeline } from './tokenClassification.ts';

interface PipelineByTask {
  'text-classification': TextClassificationPipeline;
  'sentiment-analysis': TextClassificationPipeline;
  'token-classification': TokenClassificationPipeline;
  ner: TokenClassificationPipeline;
  'question-answering': QuestionAnsweringPipeline;
  'feature-extraction': FeatureExtractionPipeline;
  'fill-mask': FillMaskPipeline;
}

/** Hugging Face's names of tasks. */
export type PipelineTask = keyof PipelineByTask;

interface PipelineClass<P> {
  // biome-ignore lint/suspicious/noExplicitAny: `heads` says which models it takes
  new (model: any, tokenizer: BertTokenizer): P;
  fromPretrained(source: ModelSource, options?: PipelineOptions): Promise<P>;
}

interface PipelineKind<P> {
  Pipeline: PipelineClass<P>;
  /** Heads of models that it takes once they are loaded. */
  heads: readonly Head[];
  /** Heads of folders that it can read; undefined: all. */
  folderHeads?: readonly Head[];
}

const textClassification: PipelineKind<TextClassificationPipeline> = {
  Pipeline: TextClassificationPipeline,
  heads: ['sequence-classification'],
  folderHeads: ['sequence-classification'],
};
const tokenClassification: PipelineKind<TokenClassificationPipeline> = {
  Pipeline: TokenClassificationPipeline,
  heads: ['token-classification'],
  folderHeads: ['token-classification'],
};
const kinds: { [T in PipelineTask]: PipelineKind<PipelineByTask[T]> } = {
  'text-classification': textClassification,
  'sentiment-analysis': textClassification,
  'token-classification': tokenClassification,
  ner: tokenClassification,
  'question-answering': {
    Pipeline: QuestionAnsweringPipeline,
    heads: ['question-answering'],
    folderHeads: ['question-answering'],
  },
  'feature-extraction': { Pipeline: FeatureExtractionPipeline, heads: ['none', 'pooler'] },
  'fill-mask': {
    Pipeline: FillMaskPipeline,
    heads: ['masked-lm'],
    folderHeads: ['masked-lm', 'pretraining'],
  },
};

/**
 * A model with its tokenizer, ready for a task; call `predict(texts)` on it. `model` is a folder, a
 * name on the hub, an open folder, or a loaded model with its `tokenizer`.
 *
 *     const classifier = await pipeline('text-classification', 'out/model');
 *     const [{ label, score }] = await classifier.predict(['a wonderful film']);
 *
 * @throws UsageError for an unknown task, a model of another head, or a folder without all weights
 * that the task needs, the pooler's included.
 * @example
 * const classify = await pipeline('text-classification', 'path/to/folder');
 * const [{ label, score }] = await classify.predict(['a text']);
 */
export async function pipeline<T extends PipelineTask>(
  task: T,
  model: ModelSource | BertPreTrainedModel,
  options: PipelineOptions = {},
): Promise<PipelineByTask[T]> {
  checkKeys(options, ['tokenizer'], 'option of pipeline');
  if (!Object.hasOwn(kinds, task))
    throw new UsageError(
      `pipeline: \`task\`: expected one of ${Object.keys(kinds).join(', ')}, got ${task}`,
    );
  const { Pipeline, heads, folderHeads } = kinds[task];
  if (model instanceof BertPreTrainedModel) {
    checkHead(task, heads, model.architecture);
    if (options.tokenizer) return new Pipeline(model, options.tokenizer);
    throw new UsageError('pipeline: `tokenizer`: expected the tokenizer of the model, got none');
  }
  if (model === undefined)
    throw new UsageError('pipeline: `model`: expected a folder, a name or a model, got none');
  const folder = await openModelFolder(model);
  const architecture = await folder.architecture();
  if (folderHeads && findArchitecture(architecture))
    checkHead(task, folderHeads, architecture!, folder.name);
  return Pipeline.fromPretrained(folder, options);
}

function checkHead(
  task: PipelineTask,
  heads: readonly Head[],
  architecture: string,
  source = 'model',
): void {
  const known = architectures.filter(({ head }) => heads.includes(head));
  const names = known.map(({ Model }) => Model.architecture);
  if (!names.includes(architecture))
    throw new UsageError(
      `${source}: expected a model for ${task}, one of ${names.join(', ')}, got ${architecture}`,
    );
}
