import type { TaskModel } from '../tasks/taskModel.ts';
import type { EpochRecord, History, StepRecord } from '../trainer/history.ts';
import type { Throughput } from '../trainer/stepReader.ts';
import type { InputEvent, RunEvent } from './events.ts';
import type { ReadFiles } from './fineTuneData.ts';

/** What `fineTune` reports. */
export type FineTuneEvent =
  | InputEvent
  | {
      event: 'start';
      train: number;
      valid: number;
      /** Labels, tags, or none for scores. */
      labels: readonly string[];
      files: ReadFiles;
      model: TaskModel;
      totalSteps: number;
      totalEpochs: number;
      /** Steps between evaluations; absent for an epoch. */
      evalEvery?: number;
      /** Steps done before. */
      firstStep: number;
    }
  | ({ event: 'step' } & StepRecord & Throughput)
  | ({ event: 'epoch'; seconds: number } & EpochRecord)
  | RunEvent
  | { event: 'earlyStop'; patience: number; monitor: History['monitor'] };
