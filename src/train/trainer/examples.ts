import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue, isObject } from '../../platform/format.ts';
import { IGNORE_INDEX } from '../../tensor/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import { labelFinder } from '../tasks/labelNames.ts';
import type { Label, TaskName } from '../tasks/task.ts';
import { labelsOf, type TaskModel, taskOf } from '../tasks/taskModel.ts';

/** An encoded example whose label may be a name, or names, that the model knows. */
export interface TrainingExample extends Omit<EncodedExample, 'label'> {
  label?: Label | string | readonly (string | number)[];
}

/**
 * Checks examples that a program gives, and turns names of labels into ids.
 * @param name names the list in messages
 * @throws UsageError for a text that is not encoded or longer than the model takes, a label that
 * the model does not have, or, if labels are `required`, an example without one.
 */
export function resolveExamples(
  model: TaskModel,
  examples: readonly TrainingExample[],
  name: string,
  required = false,
): EncodedExample[] {
  if (!Array.isArray(examples))
    throw new UsageError(
      `\`${name}\`: expected a list of examples, as \`encodeExamples\` returns it, ` +
        `got ${formatValue(examples)}`,
    );
  const { maxPositionEmbeddings } = model.config;
  const labels = labelsOf(model);
  const resolver: LabelResolver = { labels, find: labelFinder(labels) };
  const resolve = resolvers[taskOf(model).name];
  return examples.map((example: TrainingExample, i) => {
    const where = `\`${name}\`, example ${i}`;
    if (!isEncoded(example))
      throw new UsageError(
        `${where}: expected token ids (\`inputIds\` and \`tokenTypeIds\`), got ` +
          `${formatValue(example)}; call \`encodeExamples\` on texts first`,
      );
    const { label, inputIds, choiceLengths = [inputIds.length] } = example;
    const longest = Math.max(...choiceLengths);
    if (longest > maxPositionEmbeddings)
      throw new UsageError(
        `${where}: expected at most the ${maxPositionEmbeddings} tokens that the model takes, ` +
          `got ${longest}; encode it with \`maxLength\``,
      );
    if (label === undefined && !required) return example as EncodedExample;
    const resolved = label === undefined ? 'a label' : resolve(label, resolver, example);
    if (typeof resolved === 'string')
      throw new UsageError(`${where}: label: expected ${resolved}, got ${formatValue(label)}`);
    return { ...example, label: resolved };
  });
}

const isList = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);

const isEncoded = (example: unknown): boolean =>
  isObject(example) && isList(example.inputIds) && isList(example.tokenTypeIds);

interface LabelResolver {
  labels: readonly string[];
  find: (name: string) => number | undefined;
}

/** The label as numbers, or what is expected instead. */
type Resolve = (
  label: unknown,
  resolver: LabelResolver,
  example: TrainingExample,
) => Label | string;

/** The id of a label by its name or its id; undefined if the model does not have it. */
function idOf(label: unknown, { labels, find }: LabelResolver): number | undefined {
  if (typeof label === 'string') return find(label);
  const isId = Number.isInteger(label) && (label as number) >= 0;
  return isId && (label as number) < labels.length ? (label as number) : undefined;
}

const anyOf = ({ labels }: LabelResolver): string =>
  `one of ${formatNames(labels)}, or an id from 0 to ${labels.length - 1}`;

const isIndex = (value: unknown, count: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < count;

const resolvers: Record<TaskName, Resolve> = {
  classification: (label, resolver) => idOf(label, resolver) ?? anyOf(resolver),
  regression: (label) => (Number.isFinite(label) ? (label as number) : 'a finite number'),
  'multi-label'(label, resolver) {
    const { labels } = resolver;
    if (!Array.isArray(label)) return `a list of names, or a 1 or 0 for each of ${labels.length}`;
    if (label.length > 0 && label.every((each) => typeof each === 'number'))
      return label.length === labels.length && label.every(Number.isFinite)
        ? label
        : `a 1 or 0 for each of ${labels.length} labels`;
    const ids = label.map((each) => (typeof each === 'string' ? resolver.find(each) : undefined));
    if (ids.includes(undefined)) return `names among ${formatNames(labels)}`;
    return labels.map((_, id) => (ids.includes(id) ? 1 : 0));
  },
  'token-classification'(label, resolver, { inputIds }) {
    if (!Array.isArray(label) || label.length !== inputIds.length)
      return `a tag for each of ${inputIds.length} tokens`;
    const ids = label.map((tag) => (tag === IGNORE_INDEX ? tag : idOf(tag, resolver)));
    return ids.includes(undefined) ? `tags that are ${anyOf(resolver)}, or -100` : ids;
  },
  'question-answering'(label, _, { inputIds }) {
    const isSpan = Array.isArray(label) && label.length === 2;
    return isSpan && label.every((token) => isIndex(token, inputIds.length))
      ? label
      : `the first and last token of the answer, two of the ${inputIds.length} tokens`;
  },
  similarity(label, _, { choiceLengths }) {
    if (choiceLengths?.length !== 2) return 'a score of two texts (call `encodePairs` on them)';
    return Number.isFinite(label) ? (label as number) : 'a finite number';
  },
  'multiple-choice'(label, _, { choiceLengths = [] }) {
    const isChoice = isIndex(label, choiceLengths.length);
    return isChoice ? (label as number) : `one of ${choiceLengths.length} choices, from 0`;
  },
};
