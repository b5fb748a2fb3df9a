import type { Command } from 'commander';

/**
 * A message of the library as the command line says it: option fields in backticks become flags
 * (`learningRate` → --learning-rate, `task: 'regression'` → --task regression) and arguments of
 * the command (`data` → <data>). What the command does not have stays as it is.
 */
export function fieldsToFlags(message: string, command: Command): string {
  return message.replace(/`(\w+)(?:: ([^`]+))?`/g, (text, field: string, value?: string) => {
    const option = command.options.find((option) => option.attributeName() === field);
    if (option?.long) return value === undefined ? option.long : flag(option.long, value);
    const isArgument = command.registeredArguments.some((argument) => argument.name() === field);
    return isArgument && value === undefined ? `<${field}>` : text;
  });
}

/** `value` is a JavaScript literal; a string loses its quotes unless a shell needs them. */
function flag(long: string, value: string): string {
  if (value === 'true') return long;
  const bare = /^'([\w./:@+=,\\-]+)'$/.exec(value)?.[1];
  return `${long} ${bare ?? value}`;
}
