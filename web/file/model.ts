import { useDevice } from 'wigbert';
import {
  FillMaskPipeline,
  pipeline,
  type TextClassificationPipeline,
  type TextInput,
  TokenClassificationPipeline,
  taskOf,
} from 'wigbert/train';
import { learn } from './learn.ts';
import type { Answer, Correction, Learned, ModelInfo } from './protocol.ts';

/** Tokens that a model offers for the mask. */
const TOKENS = 5;

/** Probability above which a label is given, where training found no better one. */
const THRESHOLD = 0.5;

type Pipeline = TextClassificationPipeline | TokenClassificationPipeline | FillMaskPipeline;

const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

/**
 * The type in which weights are saved: the one of their config.json. What is learnt of a few texts
 * is less than a step of int8, but more than one of float16.
 */
export function savedDtype(
  config: { torch_dtype?: string; quantization_config?: object },
  hasLearnt: boolean,
): 'float32' | 'float16' | 'int8' {
  if (config.quantization_config) return hasLearnt ? 'float16' : 'int8';
  return config.torch_dtype === 'float16' ? 'float16' : 'float32';
}

/** The model of the page. */
export class PageModel {
  readonly info: ModelInfo;
  readonly #pipeline: Pipeline;
  /** Of the folder, without the weights. */
  readonly #files: Readonly<Record<string, Uint8Array>>;
  #hasLearnt = false;

  private constructor(model: Pipeline, files: Readonly<Record<string, Uint8Array>>) {
    this.#pipeline = model;
    this.#files = files;
    const { id2label, numLabels } = model.model.config;
    const { tokenizer } = model;
    this.info = {
      task: model instanceof FillMaskPipeline ? 'fill-mask' : (taskOf(model.model).name as never),
      labels: Array.from({ length: numLabels }, (_, id) => id2label[id]),
      mask: tokenizer.convertIdsToTokens(tokenizer.maskTokenId),
    };
  }

  /** Opens the files of a folder on WebAssembly: its numbers are those of Node. */
  static async open(files: Readonly<Record<string, Uint8Array>>): Promise<PageModel> {
    const { fetch } = globalThis;
    // The library reads folders by fetching. Here it finds these files, and nothing else.
    globalThis.fetch = async (path) => {
      const bytes = files[String(path).split('/').at(-1)!];
      return new Response(bytes as BodyInit | undefined, { status: bytes ? 200 : 404 });
    };
    await useDevice('wasm');
    const [architecture] = parse(files['config.json']).architectures as string[];
    const task = architecture.endsWith('ForTokenClassification')
      ? 'token-classification'
      : /For(MaskedLM|PreTraining)$/.test(architecture)
        ? 'fill-mask'
        : 'text-classification';
    const opened = await pipeline(task, 'model');
    // The files of the weights are let go: the model has them.
    globalThis.fetch = fetch;
    const others = Object.entries(files).filter(([name]) => !name.includes('.safetensors'));
    return new PageModel(opened, Object.fromEntries(others));
  }

  async predict(inputs: readonly TextInput[]): Promise<Answer[]> {
    const model = this.#pipeline;
    if (model instanceof FillMaskPipeline) {
      const all = await model.predict(inputs as string[], { topK: TOKENS });
      return all.map((tokens) => ({ task: 'fill-mask', tokens }));
    }
    if (model instanceof TokenClassificationPipeline) {
      const all = await model.predict(inputs as string[]);
      return all.map((words) => ({ task: 'token-classification', words }));
    }
    const { task } = this.info;
    const thresholds = this.#thresholds();
    return (await model.predict(inputs)).map(({ label, score, scores }): Answer => {
      if (task === 'regression') return { task, score };
      if (task === 'classification') return { task, scores, labels: [label] };
      const labels = this.info.labels.filter((each) => scores[each] > thresholds[each]);
      return { task: 'multi-label', scores, labels };
    });
  }

  learn(corrections: readonly Correction[]): Promise<Learned> {
    this.#hasLearnt = true;
    const model = this.#pipeline as TextClassificationPipeline;
    return learn(model, this.info.labels, corrections, (inputs) => this.predict(inputs));
  }

  /** The files of the folder as the model is now, its weights in the type that they had. */
  async files(): Promise<Record<string, Uint8Array>> {
    const torchDtype = savedDtype(parse(this.#files['config.json']), this.#hasLearnt);
    return this.#pipeline.model.files(this.#files, { torchDtype });
  }

  /** Of each label: the probability above which it is given. */
  #thresholds(): Record<string, number> {
    const found = this.#files['calibration.json'];
    const { thresholds = {} } = found ? parse(found) : {};
    const all = this.info.labels.map((label) => [label, thresholds[label] ?? THRESHOLD]);
    return Object.fromEntries(all);
  }
}
