import type { Command } from 'commander';

/**
 * Usual names of options in other programs (Hugging Face's scripts first), and ours. They are
 * understood, not shown in the help.
 */
const aliases: Readonly<Record<string, readonly string[]>> = {
  'learning-rate': ['lr'],
  epochs: ['num-epochs', 'num-train-epochs', 'n-epochs'],
  steps: ['max-steps', 'num-steps', 'num-train-steps'],
  out: ['output-dir', 'output', 'out-dir', 'output-file', 'save-dir'],
  'batch-size': ['per-device-train-batch-size', 'train-batch-size', 'bs'],
  'max-length': ['max-seq-length', 'max-seq-len', 'max-len', 'model-max-length'],
  model: ['model-name-or-path', 'model-name', 'model-path', 'model-dir', 'pretrained-model'],
  vocab: ['vocab-file', 'vocab-path'],
  config: ['config-name', 'config-file'],
  valid: ['validation-file', 'valid-file', 'eval-file', 'dev-file', 'validation', 'val'],
  'valid-split': ['validation-split', 'val-split'],
  test: ['test-file'],
  input: ['input-file', 'test-file', 'predict-file'],
  task: ['task-type', 'problem-type'],
  resume: ['resume-from-checkpoint'],
  metric: ['metric-for-best-model'],
  patience: ['early-stopping-patience'],
  'eval-every': ['eval-steps'],
  'save-every': ['save-steps'],
  'lr-scheduler': ['lr-scheduler-type'],
  'warmup-ratio': ['warmup-proportion'],
  'gradient-accumulation-steps': ['grad-accum-steps', 'accumulate-grad-batches'],
  'label-smoothing': ['label-smoothing-factor'],
  'layer-decay': ['layerwise-lr-decay', 'llrd'],
  'max-grad-norm': ['clip-grad-norm', 'gradient-clip-val'],
  'weight-decay': ['wd'],
  'mlm-probability': ['mlm-prob', 'masked-lm-prob'],
  'text-column': ['text-column-name', 'text-col'],
  'label-column': ['label-column-name', 'label-col', 'target-column'],
  layers: ['num-layers', 'num-hidden-layers'],
  heads: ['num-heads', 'num-attention-heads'],
  'top-k': ['topk'],
  lora: ['lora-r', 'lora-rank'],
  'lora-target': ['lora-target-modules', 'target-modules'],
  base: ['base-model', 'base-model-name-or-path'],
};

/** Names of the batch size of commands that do not train; those that do have one for both. */
const evalBatchAliases = ['per-device-eval-batch-size', 'eval-batch-size'];

/** Names of the file that commands take as an argument. */
const fileAliases = ['train-file', 'train-data-file', 'train-data', 'data-file', 'data', 'dataset'];

/**
 * A command line in which the usual names of options, and names with underscores, are those of the
 * command (`--lr 1e-4`, `--learning_rate 1e-4` → `--learning-rate 1e-4`). A name that the command
 * has stays, and so does what it would not understand under any name.
 */
export function withUsualNames(words: readonly string[], program: Command): string[] {
  const commandAt = words.findIndex((word) => findCommand(program, word));
  if (commandAt < 0) return [...words];
  const whole = findCommand(program, words[commandAt])!;
  // Some have commands of their own: `export page`.
  const command = findCommand(whole, words[commandAt + 1]) ?? whole;
  const end = words.indexOf('--');
  return words.flatMap((word, i) => {
    const isOption =
      i > commandAt && (end < 0 || i < end) && word.startsWith('--') && word !== '--';
    return isOption ? renamed(word, command, program) : [word];
  });
}

const findCommand = (program: Command, name: string): Command | undefined =>
  program.commands.find((command) => command.name() === name);

function renamed(word: string, command: Command, program: Command): string[] {
  const [, given, value = ''] = /^--([^=]*)(=.*)?$/s.exec(word)!;
  const options = [...command.options, ...program.options];
  const has = (name: string) => options.some(({ long }) => long === `--${name}`);
  if (has(given)) return [word];
  const name = given.replaceAll('_', '-').toLowerCase();
  const ours = has(name)
    ? name
    : Object.keys(aliases).find((target) => aliases[target].includes(name) && has(target));
  if (ours !== undefined) return [`--${ours}${value}`];
  if (evalBatchAliases.includes(name) && has('batch-size') && !has('epochs'))
    return [`--batch-size${value}`];
  const takesFile = command.registeredArguments.some((argument) =>
    ['data', 'files'].includes(argument.name()),
  );
  // The file itself is the next word, or follows `=`.
  if (takesFile && fileAliases.includes(name)) return value === '' ? [] : [value.slice(1)];
  return [word];
}
