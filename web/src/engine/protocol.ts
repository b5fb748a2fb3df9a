/** What the page and its worker say to each other. */
import type { CheckDataResult, TaskName } from 'wigbert/train';
import type { DownloadProgress } from '../../../src/formats/downloadProgress.ts';
import type { Metric } from '../../../src/train/tasks/metric.ts';

export type DeviceKind = 'webgpu' | 'wasm' | 'cpu';
export type PageTask = Extract<TaskName, 'classification' | 'multi-label' | 'regression'>;

export interface DeviceInfo {
  kind: DeviceKind;
  /** Name of the adapter or the processor. */
  description: string;
  /** Of the wasm device. */
  threads: number;
}

/** Which columns are read, and what the labels say. */
export interface Columns {
  textColumn?: string;
  pairColumn?: string;
  labelColumn?: string;
  labelColumns?: readonly string[];
  task: PageTask;
}

/** Data that was given to the page. */
export interface DataSet {
  id: number;
  name: string;
  /** Path of the file. */
  path: string;
  columns: string[];
  chosen: Columns;
  /** A few rows, as texts. */
  preview: Record<string, string>[];
}

export interface CheckedSet {
  set: DataSet;
  check?: CheckDataResult;
  /** Why the file cannot be read so. */
  error?: string;
}

export interface BaseModel {
  name: string;
  path: string;
  /** The name is one on the hub. */
  fromHub?: true;
}

/** Why there is no model of a name on the hub. */
export type HubRefusal =
  | 'badName'
  | 'missing'
  | 'network'
  | 'noWeights'
  | 'notBert'
  | 'tooLarge'
  | 'noRoom'
  | 'damaged';

/** A base model that is asked for by its name on the hub. */
export interface Download {
  name: string;
  /** In bytes; unknown until the hub has answered. */
  loaded?: number;
  total?: number;
  /** Why it failed. */
  refusal?: HubRefusal;
}

/** Of an ended download, nothing. */
export interface HubAnswer {
  model?: BaseModel;
  refusal?: HubRefusal;
}

export interface RunSettings {
  epochs: number;
  learningRate: number;
  batchSize: number;
  /** In tokens. */
  maxLength: number;
  seed: number;
}

export type RunStatus = 'running' | 'stopped' | 'done' | 'failed';

export interface Run {
  id: number;
  /** Of its data. */
  name: string;
  base: BaseModel;
  /** The run that it goes on from, with corrections. */
  parent?: number;
  set: DataSet;
  task: PageTask;
  settings: RunSettings;
  status: RunStatus;
  /** Milliseconds since 1970. */
  created: number;
  device?: DeviceInfo;
  labels: string[];
  step: number;
  totalSteps: number;
  /** Examples to train on and to validate with. */
  train: number;
  valid: number;
  /** The metric of the best evaluation, and its name. */
  best?: { metric: Metric; value: number };
  error?: string;
}

/** How a run goes. */
export interface Progress {
  run: Run;
  loss?: number;
  accuracy?: number;
  perSecond?: number;
  secondsLeft?: number;
  charts?: Chart[];
}

export interface Chart {
  name: string;
  svg: string;
}

/** A text with what the model says of it. */
export interface Judged {
  id: number;
  text: string;
  pair?: string;
  /** As in the data; absent without a label. */
  label?: string[];
  score?: number;
  /** Of each label; of a regression, its only one is the score. */
  scores: Record<string, number>;
}

/** A label that a person gives to a text. */
export interface Answer {
  text: string;
  pair?: string;
  label: string[];
  score?: number;
}

/** Tells texts and pairs apart. */
export const keyOf = ({ text, pair = '' }: { text: string; pair?: string }): string =>
  `${text}\0${pair}`;

export interface BenchRow {
  name: string;
  /** Sizes, in words. */
  what: string;
  milliseconds: number;
  /** Of the measured peak that bounds it. */
  share: number | null;
  gflops: number | null;
}

export interface BenchResult {
  device: DeviceInfo;
  userAgent: string;
  peaks: { flops: number; bytesPerSecond: number };
  rows: BenchRow[];
}

/** A file that was dropped or chosen, with its path in a dropped folder. */
export interface GivenFile {
  path: string;
  file: File;
}

/** Why files are not taken: none can be read, or it is not said which; or a model of a pickle. */
export type GiveRefusal = 'unknown' | 'several' | 'noWeights';

/** What was given: data, a base model, or neither. */
export interface GiveAnswer {
  data?: CheckedSet;
  model?: BaseModel;
  refusal?: { kind: GiveRefusal; names: string };
}

export interface TrainRequest {
  set: DataSet;
  base: BaseModel;
  settings: RunSettings;
}

/** What the worker does for the page. */
export interface Engine {
  /** Opens a device; `auto` takes WebGPU where an adapter is hardware. */
  open(kind: DeviceKind | 'auto'): DeviceInfo;
  runs(): Run[];
  sample(): CheckedSet;
  shippedModel(): BaseModel;
  give(files: GivenFile[]): GiveAnswer;
  /** The model of a name on the hub; `download` events tell how it comes. */
  hubModel(name: string): HubAnswer;
  stopDownload(): void;
  check(set: DataSet): CheckedSet;
  /** Resolves when the run has ended or was stopped; `progress` events tell how it goes. */
  train(request: TrainRequest): Run;
  resume(id: number): Run;
  stop(): void;
  /** Removes a run; `kept` are paths of data and a base model that stay in any case. */
  remove(id: number, kept: string[]): void;
  charts(id: number): Chart[];
  predict(id: number, texts: (string | [string, string])[]): Judged[];
  /** Validation examples, the most wrong first; none once others are asked for. */
  mistakes(id: number): Judged[];
  /** Texts of a file without labels, or of the sample. */
  unlabelled(id: number, file?: File): Judged[];
  /** Goes on training with answers. */
  learn(id: number, answers: Answer[]): Run;
  zip(id: number): Uint8Array<ArrayBuffer>;
  report(id: number): string;
  /** One HTML file that holds the model; `language` is that of its words. */
  page(id: number, language: 'en' | 'ko'): string;
  bench(): BenchResult;
}

export type Method = keyof Engine;
export type Result<M extends Method> = ReturnType<Engine[M]>;

export interface Call<M extends Method = Method> {
  call: number;
  method: M;
  args: Parameters<Engine[M]>;
}

/** What the worker sends. */
export type Message =
  | { call: number; result: unknown }
  | { call: number; error: string }
  | { event: 'progress'; progress: Progress }
  | { event: 'download'; progress: DownloadProgress }
  | { event: 'bench'; row: BenchRow };
