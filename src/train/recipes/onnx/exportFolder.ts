import { exportOnnx } from '../../../bert/checkpoint/onnx/exportOnnx.ts';
import type { WeightDtype } from '../../../bert/checkpoint/torchDtype.ts';
import { configToJson } from '../../../bert/config.ts';
import { modelFiles } from '../../../formats/modelFiles.ts';
import { removeOtherTokenizer } from '../../../formats/removeModel.ts';
import { writeFiles } from '../../../platform/atomicWrite.ts';
import { removeFile } from '../../../platform/checkedFolder.ts';
import { NotFiniteError, StateError, UsageError } from '../../../platform/errors.ts';
import { isObject } from '../../../platform/format.ts';
import { hashJson } from '../../../platform/hash.ts';
import { fileExists, readJson } from '../../../platform/readFiles.ts';
import { joinPath } from '../../../platform/runtime.ts';
import { BertTokenizer } from '../../../text/tokenizer/index.ts';
import { weightsHash } from '../../trainer/weightsHash.ts';
import type { InputEventOf, RecipeCallbacks } from '../events.ts';
import { checkIsFolder, checkNoWeights, checkOtherFolder } from '../outFolder.ts';
import { saveSettings, settingsToCopy } from '../sentenceFolder.ts';
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
  /** Paths of the ONNX files of another model that were there. */
  removed: string[];
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
 * compare with the model's is in `onnx/verification.json`. ONNX files there of another model are
 * removed. The model runs on the default device.
 * @throws UsageError if the model cannot be read, or `out` is its folder or has weights or ONNX
 * files from elsewhere, or transformers.js has no such tokenizer; NotFiniteError or StateError if
 * the outputs of the file are not those of the model: then nothing is written.
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
  const folderOfFile = joinPath(out, 'onnx');
  const earlier = await readFigures(folderOfFile);
  const model = await loadWholeModel(folder);
  const tokenizer = await BertTokenizer.fromPretrained(folder);
  const settings = await settingsToCopy(folder);
  const { maxPositionEmbeddings } = model.config;
  // transformers.js reads no other limit.
  const modelMaxLength = Math.min(settings?.maxLength ?? Infinity, maxPositionEmbeddings);
  const files = tokenizer.files({ modelMaxLength });
  checkTokenizer(name, files);
  const bytes = await exportOnnx(model, { dtype });
  const verification = await verifyOnnx(bytes, model, tokenizer);
  const file = fileOf[dtype];
  if (verification) checkVerified(file.name, verification, tolerances[dtype]);
  const sha256 = await hashJson([model.architecture, model.config, await weightsHash(model)]);
  const own = Object.entries(earlier).filter(([, of]) => of?.model === sha256);
  const figures: Record<string, Figures> = Object.fromEntries(own);
  figures[file.name] = { model: sha256, ...verification };
  const removed = await removeOthers(folderOfFile, figures);
  await writeFiles(folderOfFile, { [file.name]: bytes, [VERIFICATION]: json(figures) });
  const { config } = model;
  const forTransformersJs = { 'transformers.js_config': { dtype: file.dtype } };
  const extra = { ...config.extra, ...forTransformersJs };
  const configFile = configToJson({ ...config, extra }, [model.architecture]);
  await writeFiles(out, { ...files, [modelFiles.config]: configFile });
  await removeOtherTokenizer(out, files);
  await saveSettings(out, settings, config);
  const path = joinPath(folderOfFile, file.name);
  return { file: path, bytes: bytes.length, verification, removed };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** @throws UsageError for a tokenizer that tokenizer.json cannot hold. */
function checkTokenizer(model: string, files: Readonly<Record<string, string>>): void {
  if (files[modelFiles.tokenizer] === undefined)
    throw new UsageError(
      `${model}: expected a tokenizer that transformers.js has, got one with \`never_split\`: ` +
        'remove that from tokenizer_config.json, or write the graph alone with `exportOnnx`',
    );
}

/**
 * What verification.json has of a file: SHA-256 of the model that it was made of, and figures if
 * it was verified.
 */
type Figures = { model: string } & Partial<OnnxVerification>;

/**
 * What verification.json in a folder has of its ONNX files.
 * @throws UsageError if there is a file that it does not name: nobody knows of which model that is.
 */
async function readFigures(dir: string): Promise<Record<string, Figures>> {
  const path = joinPath(dir, VERIFICATION);
  const found = (await fileExists(path)) ? await readJson(path) : undefined;
  const figures = isObject(found) ? (found as Record<string, Figures>) : {};
  for (const { name } of Object.values(fileOf))
    if (!Object.hasOwn(figures, name) && (await fileExists(joinPath(dir, name))))
      throw new UsageError(
        `${joinPath(dir, name)} is not in ${VERIFICATION}: expected files that \`export onnx\` ` +
          'wrote; choose another `out`, or remove it',
      );
  return figures;
}

/** Removes the files that are not of the model; returns their paths. */
async function removeOthers(dir: string, figures: Record<string, Figures>): Promise<string[]> {
  const removed: string[] = [];
  for (const { name } of Object.values(fileOf)) {
    const path = joinPath(dir, name);
    if (Object.hasOwn(figures, name) || !(await fileExists(path))) continue;
    await removeFile(path);
    removed.push(path);
  }
  return removed;
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
