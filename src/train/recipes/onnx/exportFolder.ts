import { exportOnnx } from '../../../bert/checkpoint/onnx/exportOnnx.ts';
import type { WeightDtype } from '../../../bert/checkpoint/torchDtype.ts';
import { configToJson } from '../../../bert/config.ts';
import { modelFiles } from '../../../formats/modelFiles.ts';
import { writeFiles } from '../../../platform/atomicWrite.ts';
import { NotFiniteError, StateError } from '../../../platform/errors.ts';
import { isObject } from '../../../platform/format.ts';
import { fileExists, readJson } from '../../../platform/readFiles.ts';
import { joinPath } from '../../../platform/runtime.ts';
import { BertTokenizer } from '../../../text/tokenizer/index.ts';
import type { InputEventOf, RecipeCallbacks } from '../events.ts';
import { checkIsFolder, checkNoWeights, checkOtherFolder } from '../outFolder.ts';
import { copySentenceFiles } from '../sentenceFolder.ts';
import { fetchModel } from '../start.ts';
import { loadWholeModel } from '../wholeModel.ts';
import { type OnnxVerification, verifyOnnx } from './verify.ts';

/** Options of `exportOnnxFolder`. */
export interface ExportOnnxFolderOptions {
  /** Hugging Face folder, whatever head its model has, or a model's name on the hub. */
  model: string;
  /** Folder or name of an adapter's base model. Default: the one that the adapter names. */
  base?: string;
  /** Folder for the files; not that of the model. */
  out: string;
  /** As in `exportOnnx`. Default float32. */
  dtype?: WeightDtype;
}

/** What `exportOnnxFolder` resolves with. */
export interface ExportOnnxFolderResult {
  /** Path of the ONNX file. */
  file: string;
  bytes: number;
  /** Undefined if no package that runs ONNX files is installed. */
  verification?: OnnxVerification;
}

/** transformers.js' names of dtypes; each has a file of its own. */
const fileOf: Record<WeightDtype, { name: string; dtype: string }> = {
  float32: { name: 'model.onnx', dtype: 'fp32' },
  float16: { name: 'model_fp16.onnx', dtype: 'fp16' },
  int8: { name: 'model_int8.onnx', dtype: 'int8' },
};

/** Share of the largest number that outputs may differ by; for at least 1. */
const tolerances: Record<WeightDtype, number> = {
  float32: 1e-4,
  float16: 0.05,
  // 8 bits are not exact: the figures tell.
  int8: Number.POSITIVE_INFINITY,
};

const VERIFICATION = 'verification.json';

/**
 * Writes a folder that transformers.js and optimum read: `onnx/model.onnx` (`model_fp16.onnx`,
 * `model_int8.onnx`), config.json and the tokenizer's files. The file is run in onnxruntime
 * (`onnxruntime-node` or `onnxruntime-web`), if that is installed, on 100 texts; how its outputs
 * compare with the model's is in `onnx/verification.json`. The model runs on the default device.
 * @throws UsageError if the model cannot be read, or `out` is its folder or has weights of another
 * one; NotFiniteError or StateError if the outputs of the file are not those of the model: then
 * nothing is written.
 * @example
 * const { verification } = await exportOnnxFolder({ model: 'out/model', out: 'out/onnx' });
 */
export async function exportOnnxFolder(
  { model: name, base, out, dtype = 'float32' }: ExportOnnxFolderOptions,
  { onEvent: report = () => {} }: RecipeCallbacks<InputEventOf<'download'>> = {},
): Promise<ExportOnnxFolderResult> {
  const folder = await fetchModel(name, report, base);
  await checkIsFolder({ out });
  await checkOtherFolder(out, folder);
  await checkNoWeights(out);
  const model = await loadWholeModel(folder);
  const tokenizer = await BertTokenizer.fromPretrained(folder);
  const bytes = await exportOnnx(model, { dtype });
  const verification = await verifyOnnx(bytes, model, tokenizer);
  const file = fileOf[dtype];
  if (verification) checkVerified(file.name, verification, tolerances[dtype]);
  const folderOfFile = joinPath(out, 'onnx');
  const figures = await figuresOf(joinPath(folderOfFile, VERIFICATION));
  figures[file.name] = verification ?? null;
  await writeFiles(folderOfFile, {
    [file.name]: bytes,
    [VERIFICATION]: json(figures),
  });
  const { config } = model;
  const forTransformersJs = { 'transformers.js_config': { dtype: file.dtype } };
  const extra = { ...config.extra, ...forTransformersJs };
  await writeFiles(out, {
    ...tokenizer.files({ modelMaxLength: config.maxPositionEmbeddings }),
    [modelFiles.config]: configToJson({ ...config, extra }, [model.architecture]),
  });
  await copySentenceFiles(folder, out, config);
  return { file: joinPath(folderOfFile, file.name), bytes: bytes.length, verification };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The figures of the files that are there already, by their names; null: not verified. */
async function figuresOf(path: string): Promise<Record<string, OnnxVerification | null>> {
  const found = (await fileExists(path)) ? await readJson(path) : undefined;
  return isObject(found) ? (found as Record<string, OnnxVerification | null>) : {};
}

/** @throws NotFiniteError or StateError unless the outputs of a file are those of the model. */
function checkVerified(file: string, { outputs }: OnnxVerification, tolerance: number): void {
  for (const [name, { maxDifference, maxMagnitude }] of Object.entries(outputs)) {
    if (!Number.isFinite(maxDifference))
      throw new NotFiniteError(
        `${file}: expected finite numbers as ${name}, got others: its numbers may be too large ` +
          "for float16; choose another `dtype`, such as 'float32'",
      );
    if (maxDifference > tolerance * Math.max(1, maxMagnitude))
      throw new StateError(
        `${file}: expected the ${name} of the model, got numbers that differ by up to ` +
          `${maxDifference}; nothing was written`,
      );
  }
}
