/**
 * report.json in a run's folder: with history.json, all that its page shows. It is written when the
 * run ends.
 */
import * as v from 'valibot';
import { parseSchema } from '../../../formats/parseSchema.ts';
import { taskNames } from '../../defaults.ts';
import type { Calibration, WorstExample } from '../assess.ts';
import type { ReportProfile } from './reportProfile.ts';

export const REPORT = 'report.json';
export const PAGE = 'report.html';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
// JSON writes null for NaN and Infinity.
const figure = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);
const optionalText = v.optional(v.string());

const scores = v.object({ precision: figure, recall: figure, f1: figure, support: count });
const bins = v.array(
  v.object({
    lower: v.number(),
    upper: v.number(),
    count,
    confidence: v.number(),
    accuracy: v.number(),
  }),
);
const calibration: v.GenericSchema<unknown, Calibration> = v.object({
  error: figure,
  bins,
  temperature: v.optional(v.number()),
  scaledError: v.optional(figure),
  scaledBins: v.optional(bins),
});
const worst: v.GenericSchema<unknown, WorstExample[]> = v.array(
  v.object({
    file: optionalText,
    line: count,
    text: v.string(),
    pair: optionalText,
    label: v.string(),
    predicted: v.string(),
    probability: v.optional(v.number()),
    loss: figure,
  }),
);

const evaluation = v.object({
  /** Validation examples. */
  examples: count,
  loss: figure,
  metrics: v.record(v.string(), figure),
  perLabel: v.optional(v.record(v.string(), scores)),
  confusion: v.optional(v.array(v.array(count))),
  calibration: v.optional(calibration),
  thresholds: v.optional(v.record(v.string(), v.number())),
  /** Of a regression: true and predicted score, of some examples. */
  points: v.optional(v.array(v.tuple([v.number(), v.number()]))),
  worst,
});

const check = v.object({
  files: v.array(
    v.object({
      ...{ file: v.string(), rows: count, broken: count, unlabelled: count, empty: count },
      /** Rows whose text is in one before; texts with two labels; texts in decomposed form. */
      ...{ duplicates: count, conflicts: count, decomposed: count },
      conflictLines: v.array(v.tuple([count, count])),
      /** Share of the pieces, and characters that cause it. */
      unknown: v.optional(v.number()),
      characters: v.optional(v.array(v.string())),
    }),
  ),
  /** Texts that two of the files have. */
  shared: v.array(v.object({ files: v.tuple([v.string(), v.string()]), texts: count })),
});

const data = v.object({
  /** The files. */
  train: v.array(v.string()),
  valid: optionalText,
  trainExamples: count,
  validExamples: count,
  /** Rows that were broken, and texts that are cut. */
  skipped: v.optional(count),
  cut: v.optional(count),
  /** How often each label occurs to train on and to validate with. */
  labels: v.optional(v.array(v.object({ label: v.string(), train: count, valid: count }))),
  /** Texts by their length in tokens: `counts[i]` of them from `i * width` on. */
  lengths: v.optional(v.object({ width: count, counts: v.array(count), longest: count })),
  check: v.optional(check),
});

const kernel = v.object({
  kernel: v.string(),
  variant: v.string(),
  launches: count,
  seconds: v.number(),
  share: figure,
  flops: v.number(),
  bytes: v.number(),
  ofPeak: v.nullable(v.object({ share: figure, bound: v.string() })),
});

const profile: v.GenericSchema<unknown, ReportProfile> = v.object({
  kernels: v.array(kernel),
  seconds: v.number(),
  wallSeconds: v.number(),
});

const schema = v.object({
  kind: v.picklist(['train', 'pretrain']),
  task: v.optional(v.picklist(taskNames)),
  /** The command line, and the version of the program that read it. */
  command: optionalText,
  version: optionalText,
  /** Options of the run, as it keeps them. */
  settings: v.record(v.string(), v.unknown()),
  device: v.object({ kind: v.string(), adapter: v.string() }),
  model: v.object({
    architecture: v.string(),
    layers: count,
    hiddenSize: count,
    heads: count,
    vocabulary: count,
    parameters: count,
    /** Those that are not frozen. */
    trained: count,
  }),
  labels: v.optional(v.array(v.string())),
  data,
  /** The process that finished the run: its seconds, and its steps from `firstStep` + 1 on. */
  time: v.object({ seconds: v.number(), firstStep: count, steps: count }),
  evaluation: v.optional(evaluation),
  profile: v.optional(profile),
});

/** What report.json holds. */
export type RunReport = v.InferOutput<typeof schema>;
export type ReportEvaluation = v.InferOutput<typeof evaluation>;
export type ReportData = v.InferOutput<typeof data>;

/** @throws UsageError naming the first field that is wrong; `name` stands for the file. */
export const parseRunReport = (value: unknown, name: string): RunReport =>
  parseSchema(schema, value, name, 'the report of a run');

/** A report as it stands in its file. */
export const reportText = (report: RunReport): string =>
  `${JSON.stringify(report, undefined, 1)}\n`;
