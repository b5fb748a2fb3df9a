import * as v from 'valibot';
import { parseSchema } from '../../formats/parseSchema.ts';
import { nullableNumber, positiveInteger } from '../trainer/recordSchemas.ts';
import { baselines, objectives } from './objective.ts';

/** What a step of pre-training gave. */
export interface PretrainStep {
  /** Optimiser steps done, from 1. */
  step: number;
  /** The time through the corpus that the step belongs to, from 1. */
  epoch: number;
  learningRate: number;
  /** Of the batch: the mean over its labelled tokens, plus that over its pairs. */
  loss: number;
  /** Norm of all gradients before clipping. */
  gradNorm: number;
}

/** What an evaluation gave. */
export interface PretrainEvaluation {
  step: number;
  epoch: number;
  /** Mean over the steps since the last evaluation. */
  trainLoss: number;
  /** On held-out text. */
  validLoss: number;
  /** e to the mean loss of the masked tokens. */
  validPerplexity?: number;
  /** Share of the pairs classified correctly. */
  validAccuracy?: number;
}

/** Steps and evaluations. No times: an interrupted run ends with the same history. */
export interface PretrainHistory {
  objective: (typeof objectives)[number] | (typeof baselines)[number];
  steps: PretrainStep[];
  evaluations: PretrainEvaluation[];
}

const stepSchema: v.GenericSchema<unknown, PretrainStep> = v.object({
  step: positiveInteger,
  epoch: positiveInteger,
  learningRate: v.number(),
  loss: nullableNumber,
  gradNorm: nullableNumber,
});

const evaluationSchema: v.GenericSchema<unknown, PretrainEvaluation> = v.object({
  step: positiveInteger,
  epoch: positiveInteger,
  trainLoss: nullableNumber,
  validLoss: nullableNumber,
  validPerplexity: v.optional(nullableNumber),
  validAccuracy: v.optional(nullableNumber),
});

const historySchema: v.GenericSchema<unknown, PretrainHistory> = v.object({
  objective: v.picklist([...objectives, ...baselines]),
  steps: v.array(stepSchema),
  evaluations: v.array(evaluationSchema),
});

/**
 * A history from the value that JSON gave.
 * @throws UsageError when it is not one; `name` stands for it in the message.
 */
export const parsePretrainHistory = (value: unknown, name: string): PretrainHistory =>
  parseSchema(historySchema, value, name, 'a history of pre-training');
