/** Computes steps of a run again, from a checkpoint or from its start. */
import type { BertConfig } from '../../../bert/config.ts';
import { fineTuneDefaults, pretrainRecipeDefaults } from '../../defaults.ts';
import { pretrainModel } from '../../pretraining/pretrain.ts';
import { fit } from '../../trainer/fit.ts';
import { fitOptionsOf } from '../../trainer/hyperparameters.ts';
import type { StepHash } from '../../trainer/weightsHash.ts';
import { readFineTuning } from '../fineTune.ts';
import { prepareFineTuning } from '../fineTunePrepare.ts';
import { hashEveryOf } from '../fineTuneRun.ts';
import type { FineTuneSettings } from '../fineTuneSettings.ts';
import { readRun } from '../pretrain.ts';
import { openPretrainData } from '../pretrainData.ts';
import { type BegunPretraining, startingModel } from '../pretrainRun.ts';

/** A stretch of a run. */
export interface Stretch {
  options: Record<string, unknown>;
  /** Where it begins; without one, at the start of the run. */
  checkpoint?: string;
  /** The step that it ends after. */
  to: number;
}

/** What a replay reports, and how it is stopped. */
export interface ReplayCallbacks {
  signal?: AbortSignal;
  /** Before the first step. @returns whether to go on. */
  onModel: (config: BertConfig) => boolean;
  onStep: (record: { step: number; loss: number }) => void;
  onHash: (hash: StepHash) => void;
}

/** A kind of run that can be replayed. */
export interface Replayed {
  /** The settings of a checkpoint. */
  readSettings(checkpoint: string): Promise<object>;
  replay(stretch: Stretch, callbacks: ReplayCallbacks): Promise<void>;
}

const nothing = () => {};

export const fineTuning: Replayed = {
  readSettings: async (checkpoint) => (await readFineTuning(checkpoint)).settings,
  async replay({ options, checkpoint, to }, { onModel, ...callbacks }) {
    const read = checkpoint === undefined ? undefined : await readFineTuning(checkpoint);
    const settings = { ...fineTuneDefaults, ...options } as unknown as FineTuneSettings;
    const begun = read && { checkpoint: checkpoint!, state: read.state };
    const prepared = await prepareFineTuning({ settings, begun, report: nothing });
    const { model, split } = prepared;
    const hashEvery = hashEveryOf(settings, split.train.length);
    // Evaluations change no weights. They tell when to stop early, which `to` tells here.
    const always = { patience: Number.MAX_SAFE_INTEGER, stopAfter: to };
    const run = { ...fitOptionsOf(settings), hashEvery, ...always, ...callbacks };
    if (onModel(model.config)) await fit(model, split.train, [], run, withoutHashes(begun?.state));
    model.dispose();
  },
};

export const preTraining: Replayed = {
  readSettings: async (checkpoint) => (await readRun(checkpoint)).settings,
  async replay({ options, checkpoint, to }, { onModel, ...callbacks }) {
    const settings = { ...pretrainRecipeDefaults, ...options } as unknown as BegunPretraining;
    const state = checkpoint === undefined ? undefined : (await readRun(checkpoint)).state;
    const { model, tokenizer } = await startingModel(settings, checkpoint, nothing);
    const data = { ...(await openPretrainData(settings, tokenizer, nothing)), valid: [] };
    const run = { ...settings, hashEvery: settings.hashEvery ?? settings.saveEvery };
    if (onModel(model.config))
      await pretrainModel(model, data, run, { stopAfter: to, ...callbacks }, withoutHashes(state));
    model.dispose();
  },
};

/** So that those of the beginning are computed too. */
const withoutHashes = <S extends object>(state: S | undefined): S | undefined =>
  state && { ...state, hashes: undefined };
