import type { Command } from 'commander';
import { shellQuote } from './shell.ts';

/**
 * A message of the library as the command line says it: option fields in backticks become flags
 * (`learningRate` → --learning-rate, `task: 'regression'` → --task regression) and arguments of
 * the command (`data` → <data>). Advice to set an option that the command does not have is left
 * out.
 */
export function fieldsToFlags(message: string, command: Command): string {
  const optionOf = (field: string) =>
    command.options.find((option) => option.attributeName() === field);
  const isArgument = (field: string) =>
    command.registeredArguments.some((argument) => argument.name() === field);
  const keepUsable = (text: string) => {
    const fields = Array.from(text.matchAll(fieldPattern), ([, field]) => field);
    return fields.every((field) => optionOf(field) || isArgument(field)) ? text : '';
  };
  const advised = message
    .replace(adviceInParentheses, keepUsable)
    .replace(adviceInClause, keepUsable);
  return advised.replace(fieldPattern, (text, field: string, value?: string) => {
    const option = optionOf(field);
    if (option?.long) return value === undefined ? option.long : flag(option.long, value);
    return isArgument(field) && value === undefined ? `<${field}>` : text;
  });
}

const fieldPattern = /`(\w+)(?:: ([^`]+))?`/g;
const adviceInParentheses = / \([^()]*\b(?:set|give|choose|name) [^()]*`\w+(?:: [^`]+)?`[^()]*\)/g;
const adviceInClause = /[;:,] (?:set|give|choose|name) [^;:,`]*`\w+(?:: [^`]+)?`[^;:,]*/g;

/** `value` is a JavaScript literal; a string is quoted as a shell needs it. */
function flag(long: string, value: string): string {
  if (value === 'true') return long;
  const text = /^'(.*)'$/s.exec(value)?.[1];
  return `${long} ${text === undefined ? value : shellQuote(text)}`;
}
