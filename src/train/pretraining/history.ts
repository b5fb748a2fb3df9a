import * as v from 'valibot';
import { parseSchema } from '../../formats/parseSchema.ts';
import { baselines, objectives } from './objective.ts';

const positiveInteger = v.pipe(v.number(), v.integer(), v.minValue(1));

const stepSchema = v.object({
  /** Optimiser steps done, from 1. */
  step: positiveInteger,
  /** The time through the corpus that the step belongs to, from 1. */
  epoch: positiveInteger,
  learningRate: v.number(),
  /** Of the batch: the mean over its labelled tokens, plus that over its pairs. */
  loss: v.number(),
  /** Norm of all gradients before clipping. */
  gradNorm: v.number(),
});

const evaluationSchema = v.object({
  step: positiveInteger,
  epoch: positiveInteger,
  /** Mean over the steps since the last evaluation. */
  trainLoss: v.number(),
  /** On held-out text. */
  validLoss: v.number(),
  /** e to the mean loss of the masked tokens. */
  validPerplexity: v.optional(v.number()),
  /** Share of the pairs classified correctly. */
  validAccuracy: v.optional(v.number()),
});

const historySchema = v.object({
  objective: v.picklist([...objectives, ...baselines]),
  steps: v.array(stepSchema),
  evaluations: v.array(evaluationSchema),
});

/** A step in the history of a pre-training. */
export type PretrainStep = v.InferOutput<typeof stepSchema>;
/** An evaluation in the history of a pre-training. */
export type PretrainEvaluation = v.InferOutput<typeof evaluationSchema>;

/** Steps and evaluations. No times: an interrupted run ends with the same history. */
export type PretrainHistory = v.InferOutput<typeof historySchema>;

/**
 * A history from the value that JSON gave.
 * @throws UsageError when it is not one; `name` stands for it in the message.
 */
export const parsePretrainHistory = (value: unknown, name: string): PretrainHistory =>
  parseSchema(historySchema, value, name, 'a history of pre-training');
