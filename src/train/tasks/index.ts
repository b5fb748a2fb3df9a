import { classification } from './classification.ts';
import { multiLabel } from './multiLabel.ts';
import { multipleChoice } from './multipleChoice.ts';
import { questionAnswering } from './questionAnswering.ts';
import { regression } from './regression.ts';
import { similarity } from './similarity.ts';
import type { Task, TaskName } from './task.ts';
import { tokenClassification } from './tokenClassification.ts';

/** Every task under its name. */
export const tasks: Readonly<Record<TaskName, Task>> = {
  classification,
  'multi-label': multiLabel,
  regression,
  'token-classification': tokenClassification,
  'question-answering': questionAnswering,
  'multiple-choice': multipleChoice,
  similarity,
};
