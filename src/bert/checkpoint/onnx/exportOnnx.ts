import { OnnxGraph } from '../../../formats/onnx/graph.ts';
import { UsageError } from '../../../platform/errors.ts';
import { formatValue } from '../../../platform/format.ts';
import type { FileContent } from '../../../platform/types.ts';
import type { BertPreTrainedModel } from '../../pretrainedModel.ts';
import { architectures, findArchitecture } from '../../registry.ts';
import { type WeightDtype, weightDtypes } from '../torchDtype.ts';
import { checkNoAdapters, contentBytes } from '../write.ts';
import { headOutputs, type OnnxOutput } from './heads.ts';
import { OnnxLayers } from './layers.ts';

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions {
  /**
   * float16 stores and computes in half precision. int8 stores the large matrices in 8 bits, each
   * output with a scale of its own, and rounds the inputs of products to 8 bits by their range in
   * the batch (ONNX's dynamic quantisation). Default float32.
   */
  dtype?: WeightDtype;
}

/**
 * A model as an ONNX file (opset 17) that onnxruntime runs: batch and length may have any size.
 * Inputs are `input_ids`, `attention_mask` and `token_type_ids`, int64 of [batch, length] (with
 * the choices between for multiple choice); outputs have optimum's names, such as `logits`, and
 * are float32.
 * @throws UsageError for another `dtype`, or a model that is larger than such a file may be;
 * SafetensorsError naming a weight that is too large for float16.
 * @example
 * const model = await BertForSequenceClassification.fromPretrained('path/to/folder');
 * const bytes = await exportOnnx(model, { dtype: 'int8' });
 */
export const exportOnnx = async (
  model: BertPreTrainedModel,
  options: ExportOnnxOptions = {},
): Promise<Uint8Array> => contentBytes(onnxContent(model, options));

/** `exportOnnx` in pieces, whose weights are fetched while they are read. */
export function onnxContent(
  model: BertPreTrainedModel,
  { dtype = 'float32' }: ExportOnnxOptions = {},
): Exclude<FileContent, string | Uint8Array> {
  if (!weightDtypes.includes(dtype))
    throw new UsageError(
      `\`dtype\`: expected one of ${weightDtypes.join(', ')}, got ${formatValue(dtype)}`,
    );
  const entry = findArchitecture(model.architecture);
  if (!entry)
    throw new UsageError(
      'exportOnnx: expected a model that is one of ' +
        `${architectures.map(({ Model }) => Model.architecture).join(', ')}, ` +
        `got ${formatValue(model.architecture)}`,
    );
  const graph = new OnnxGraph(model.architecture);
  const weights = model.stateDict();
  checkNoAdapters([...weights.keys()]);
  const layers = new OnnxLayers(graph, weights, dtype);
  const hasChoices = entry.head === 'multiple-choice';
  const dims = ['batch_size', ...(hasChoices ? ['num_choices'] : []), 'sequence_length'];
  const [ids, mask, types] = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) =>
    graph.input(name, 'int64', dims),
  );
  // The backbone is that of causal models too.
  const isCausal = entry.family === 'bert' && model.config.isDecoder;
  const family = isCausal ? 'causal' : entry.family;
  const context = { layers, config: model.config, entry: { ...entry, family } };
  const outputs = hasChoices
    ? choiceOutputs(context, { ids, mask, types })
    : headOutputs({ ...context, inputs: { ids, mask, types } });
  for (const { name, value, dims } of outputs) graph.output(name, value, dims);
  return graph.content();
}

type Context = Omit<Parameters<typeof headOutputs>[0], 'inputs'>;

/** Choices are texts of their own until their scores are put side by side. */
function choiceOutputs(
  context: Context,
  { ids, mask, types }: { ids: string; mask: string; types: string },
): OnnxOutput[] {
  const { graph, op, ints } = context.layers;
  const length = graph.node('Shape', [ids], { start: 2, end: 3 });
  const flatShape = graph.node('Concat', [ints(-1), length], { axis: 0 });
  const flat = (x: string) => op('Reshape', x, flatShape);
  const inputs = { ids: flat(ids), mask: flat(mask), types: flat(types) };
  const shape = graph.node('Shape', [ids], { start: 0, end: 2 });
  return headOutputs({ ...context, inputs }).map(({ value, ...output }) => ({
    ...output,
    value: op('Reshape', value, shape),
  }));
}
