import { bertConfig, labelFields } from '../../bert/config.ts';
import { freezeEncoder } from '../../bert/layers/freeze.ts';
import type { PeftModel } from '../../bert/layers/lora/peftModel.ts';
import { BertModel } from '../../bert/model.ts';
import { type ModelFolder, openModelFolder } from '../../formats/modelFolder.ts';
import { sentenceSettingsOf } from '../../formats/sentenceFolder.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { sentenceSettings, setSentenceSettings } from '../tasks/similarity.ts';
import { checkVocab, createTaskModel, loadForTask, type TaskModel } from '../tasks/taskModel.ts';
import { readTrainedHead } from '../tasks/trainedHead.ts';
import type { InputEvent } from './events.ts';
import { encodeAndSplit, type ReadFiles, readFiles, type SplitData } from './fineTuneData.ts';
import type { FineTuneSettings } from './fineTuneSettings.ts';
import { addLora, checkWhole } from './lora.ts';
import { longestText } from './sentenceFolder.ts';
import { fetchModel, freshConfig, reportWeights } from './start.ts';

interface Preparing {
  settings: FineTuneSettings;
  /** Where a run that has begun is continued. */
  begun?: { checkpoint: string };
  report: (event: InputEvent) => void;
}

/** What a run trains, and on what. */
export interface PreparedFineTuning {
  files: ReadFiles;
  model: TaskModel;
  tokenizer: BertTokenizer;
  peft?: PeftModel<TaskModel>;
  labels: string[];
  split: SplitData;
}

/** Reads the files and the model of a run, where it stands. */
export async function prepareFineTuning(run: Preparing): Promise<PreparedFineTuning> {
  const { settings, report, begun } = run;
  const folder = await startingFolder(run);
  const files = await readFiles(
    // A checkpoint has the classifier that the run goes on with.
    begun ? { ...settings, replaceHead: false } : settings,
    folder && (await readTrainedHead(folder)),
    report,
  );
  const { model, tokenizer, peft } = await startingModel(run, folder, files);
  const labels = [...files.head.labels];
  if (settings.freeze !== undefined) freezeEncoder(model, settings.freeze);
  const { maxPositionEmbeddings } = model.config;
  const split = encodeAndSplit(files, settings, tokenizer, maxPositionEmbeddings, report);
  return { files, model, tokenizer, peft, labels, split };
}

/** The folder that the run starts from: its checkpoint if it is resumed; none for a fresh model. */
async function startingFolder({
  settings: { model, lora },
  begun,
  report,
}: Preparing): Promise<ModelFolder | undefined> {
  if (begun && lora !== undefined) return fetchModel(begun.checkpoint, report, model);
  if (begun) return openModelFolder(begun.checkpoint);
  if (model === undefined) return undefined;
  const folder = await fetchModel(model, report);
  if (lora !== undefined) checkWhole(folder);
  return folder;
}

/** The model of a folder or a fresh one. */
async function startingModel(
  { settings, begun, report }: Preparing,
  folder: ModelFolder | undefined,
  { task, head }: ReadFiles,
): Promise<Pick<PreparedFineTuning, 'model' | 'tokenizer' | 'peft'>> {
  const { vocab, config, cased, seed, lora } = settings;
  if (!folder) {
    const fresh = await freshConfig({ vocab: vocab!, config, cased });
    const labelled = bertConfig({ ...fresh.config, ...labelFields(head.labels) });
    return { model: createTaskModel(task, labelled, seed), tokenizer: fresh.tokenizer };
  }
  const tokenizer = await BertTokenizer.fromPretrained(folder);
  // An adapter goes on from its own weights and those of its base model.
  const from = (lora !== undefined && begun && folder.adapter?.base) || folder;
  const model = await loadForTask(from, task, head, seed);
  if (model instanceof BertModel) {
    // Where a checkpoint does not say how the model makes vectors, what the run started from does.
    if (begun && settings.model !== undefined && !(await sentenceSettingsOf(folder)))
      setSentenceSettings(model, await startingSettings(settings.model, report));
    // Vectors are to be made of as much of a text as was trained on.
    const trained = Math.min(settings.maxLength, model.config.maxPositionEmbeddings);
    const maxLength = Math.max(longestText(model, tokenizer), trained);
    setSentenceSettings(model, { ...sentenceSettings(model), maxLength });
  }
  if (from === folder) reportWeights(folder.name, model, report);
  checkVocab(tokenizer, model.config, folder.name);
  if (lora === undefined) return { model, tokenizer };
  return { model, tokenizer, peft: await addLora(model, settings, begun && folder) };
}

const startingSettings = async (model: string, report: (event: InputEvent) => void) =>
  sentenceSettingsOf(await fetchModel(model, report));
