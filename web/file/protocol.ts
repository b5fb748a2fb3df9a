/** What the page and its worker say to each other. */
import type { FilledMask, TaggedWord, TextInput } from 'wigbert/train';

/** Tasks whose models a page can hold. */
export type PageTask =
  | 'classification'
  | 'multi-label'
  | 'regression'
  | 'token-classification'
  | 'fill-mask';

/** What is known of a model once it is open. */
export interface ModelInfo {
  task: PageTask;
  labels: string[];
  /** The token that stands for a word to fill in. */
  mask: string;
}

/** What a model answers to a text. */
export type Answer =
  | { task: 'classification' | 'multi-label'; scores: Record<string, number>; labels: string[] }
  | { task: 'regression'; score: number }
  | { task: 'token-classification'; words: TaggedWord[] }
  | { task: 'fill-mask'; tokens: FilledMask[] };

/** The right answer: a label, labels or a score. */
export type RightAnswer = string | string[] | number;

/** A text with its right answer. */
export interface Correction {
  input: TextInput;
  right: RightAnswer;
}

/** What came of learning. */
export interface Learned {
  steps: number;
  seconds: number;
  /** How many of the corrections the model now answers as they say. */
  right: number;
}

/** What a new page is made of, besides the model. */
export interface PageParts {
  template: string;
  title: string;
  language: 'en' | 'ko';
  corrections: Correction[];
}

/** The methods of the worker. */
export interface Methods {
  /** Opens the model; each file is the text of its element. */
  open(files: Record<string, string>): Promise<{ info: ModelInfo; corrections: Correction[] }>;
  predict(input: TextInput): Promise<Answer>;
  learn(corrections: Correction[]): Promise<Learned>;
  /** The page as a file, with the model as it is now. */
  save(parts: PageParts): Promise<Blob>;
}

export interface Request {
  id: number;
  method: keyof Methods;
  argument: unknown;
}

export type Response = { id: number } & ({ result: unknown } | { error: string });
