import { modelFiles } from '../formats/modelFiles.ts';
import { type ModelFolder, type ModelSource, openModelFolder } from '../formats/modelFolder.ts';
import { UsageError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { BertTokenizer, type BertTokenizerOptions } from '../text/tokenizer/index.ts';
import { readBertConfig } from './checkpoint/read.ts';
import type { BertConfig } from './config.ts';
import { BertModel } from './model.ts';
import type { ModelClass, PretrainedOptions } from './pretrainedModel.ts';
import {
  architectures,
  type Backbone,
  backbones,
  type Family,
  findArchitecture,
  findModelClass,
  type Head,
  type ModelOf,
} from './registry.ts';

/** Reads a model whose class follows from the folder (Hugging Face's AutoModelFor…). */
export interface AutoModelClass<M> {
  /**
   * The model of a folder, of a name on the hub or of an open folder. Weights that the folder lacks
   * are drawn at random; `loadReport` names them.
   * @throws UsageError for a `model_type` or architecture that is not supported, or as
   * `BertPreTrainedModel.fromPretrained`.
   */
  fromPretrained(source: ModelSource, options?: PretrainedOptions): Promise<M>;
  /** A fresh model; a decoder for `isDecoder`. */
  fromConfig(config: BertConfig, seed?: number): M;
  /** Heads of saved models that have all its weights, trained for its task; undefined: all. */
  readonly heads?: readonly Head[];
}

/** The configuration of a folder, of a name on the hub or of an open folder. */
export const AutoConfig = {
  /** @throws UsageError for an unsupported `model_type` or a broken config.json. */
  async fromPretrained(source: ModelSource): Promise<BertConfig> {
    return readBertConfig(await openModelFolder(source));
  },
};

/** The tokenizer of a folder, of a name on the hub or of an open folder. */
export const AutoTokenizer = {
  /** @throws UsageError for a `tokenizer_class` that is not supported, or a file that is broken. */
  fromPretrained(source: ModelSource, options: BertTokenizerOptions = {}): Promise<BertTokenizer> {
    return BertTokenizer.fromPretrained(source, options);
  },
};

const familyOf = ({ isDecoder }: BertConfig): Family => (isDecoder ? 'causal' : 'bert');

/** Family of a folder: that of its architecture; without one, the configuration decides. */
async function folderFamily(folder: ModelFolder): Promise<Family> {
  const config = await readBertConfig(folder);
  const name = await folder.architecture();
  if (name === undefined) return familyOf(config);
  const entry = findArchitecture(name);
  if (entry) return entry.family;
  const known = architectures.map(({ Model }) => Model.architecture).join(', ');
  throw new UsageError(
    `${folder.path(modelFiles.config)}: architectures: expected one of ${known}, ` +
      `got ${formatValue(name)}; if it is a class of BERT's layers under another name, write the ` +
      'one that fits instead',
  );
}

/** @param classOf the class for a family; undefined: the family has none */
function autoModel<M>(
  name: string,
  classOf: (family: Family) => ModelClass<M> | undefined,
  heads?: readonly Head[],
): AutoModelClass<M> {
  const find = (family: Family, source: string): ModelClass<M> => {
    const Model = classOf(family);
    if (Model) return Model;
    const families = [...new Set(architectures.map((entry) => entry.family))].filter(classOf);
    throw new UsageError(
      `${name}: expected a model of the family ${families.join(' or ')}, got ${family} (${source})`,
    );
  };
  return {
    heads,
    async fromPretrained(source, options) {
      const folder = await openModelFolder(source);
      const Model = find(await folderFamily(folder), folder.name);
      return Model.fromPretrained(folder, options);
    },
    fromConfig(config, seed) {
      const Model = find(familyOf(config), 'fromConfig');
      return Model.fromConfig(config, seed);
    },
  };
}

const autoModelFor = <H extends Head>(name: string, head: H): AutoModelClass<ModelOf<H>> =>
  autoModel<ModelOf<H>>(
    name,
    (family) => findModelClass(head, family),
    head === 'masked-lm' ? [head, 'pretraining'] : [head],
  );

/** The encoder without a head: `BertModel`, or the backbone of a baseline. */
export const AutoModel = autoModel<Backbone>('AutoModel', (family) =>
  family === 'bert' ? BertModel : backbones[family],
);
/** The encoder without a head and without a pooler. */
export const AutoBackbone = autoModel<Backbone>('AutoBackbone', (family) => backbones[family]);
/** Reads models for predicting masked tokens; the class follows from the folder. */
export const AutoModelForMaskedLM = autoModelFor('AutoModelForMaskedLM', 'masked-lm');
/** Reads models for telling whether a text follows another; the class follows from the folder. */
export const AutoModelForNextSentencePrediction = autoModelFor(
  'AutoModelForNextSentencePrediction',
  'next-sentence-prediction',
);
/**
 * Reads models for BERT's pre-training, masked tokens and next sentences; the class follows from
 * the folder.
 */
export const AutoModelForPreTraining = autoModelFor('AutoModelForPreTraining', 'pretraining');
/**
 * Reads models for classes, scores or several labels of texts; the class follows from the folder.
 */
export const AutoModelForSequenceClassification = autoModelFor(
  'AutoModelForSequenceClassification',
  'sequence-classification',
);
/** Reads models for tags of tokens; the class follows from the folder. */
export const AutoModelForTokenClassification = autoModelFor(
  'AutoModelForTokenClassification',
  'token-classification',
);
/** Reads models for finding the span that answers a question; the class follows from the folder. */
export const AutoModelForQuestionAnswering = autoModelFor(
  'AutoModelForQuestionAnswering',
  'question-answering',
);
/** Reads models for choosing one of several texts; the class follows from the folder. */
export const AutoModelForMultipleChoice = autoModelFor(
  'AutoModelForMultipleChoice',
  'multiple-choice',
);
/** Reads models for predicting the next token; the class follows from the folder. */
export const AutoModelForCausalLM = autoModelFor('AutoModelForCausalLM', 'causal-lm');
