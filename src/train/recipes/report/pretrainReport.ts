/** What is kept and shown of a pre-training that has ended. */
import type { PretrainHistory } from '../../pretraining/history.ts';
import type { PretrainModel } from '../../pretraining/objective.ts';
import { runFacts } from './collect.ts';
import { saveReport } from './saveReport.ts';

/** A pre-training that has ended. */
export interface EndedPretraining {
  out: string;
  model: PretrainModel;
  history: PretrainHistory;
  /** The settings, as checkpoints keep them. */
  kept: Readonly<Record<string, unknown>> & { files: readonly string[]; valid?: string };
  /** Examples that were trained on, each time counted, and those held out. */
  examples: { train: number; valid: number };
  time: { seconds: number; firstStep: number };
}

/** Writes report.json and report.html into the folder of the run. */
export const reportPretraining = async ({
  out,
  model,
  history,
  kept,
  examples,
  time,
}: EndedPretraining): Promise<void> =>
  saveReport(out, {
    kind: 'pretrain',
    history,
    report: {
      kind: 'pretrain',
      ...runFacts(model, kept),
      data: {
        train: [...kept.files],
        ...(kept.valid !== undefined && { valid: kept.valid }),
        trainExamples: examples.train,
        validExamples: examples.valid,
      },
      time: { ...time, steps: history.steps.length },
    },
  });
