import { readFileSync, statSync } from 'node:fs';
import { type Command, CommanderError, Option } from 'commander';
import { UsageError } from '../platform/errors.ts';
import { formatNames, formatValue, isObject } from '../platform/format.ts';

/**
 * A JSON file holds options under the names of the flags (`learning-rate`), and the arguments of
 * the command under theirs (`data`). `--set` goes over the file, and flags go over both.
 */

/** Options of commands that take such a file. */
export const optionsFileOptions = (hasConfig = false): Option[] => [
  ...(hasConfig
    ? []
    : [new Option('--config <file>', 'JSON file with options, under the names of the flags')]),
  new Option('--set <name=value>', 'an option over those of the file; may be repeated'),
  new Option('--print-config', 'print all options as JSON, which --config takes, and end'),
];

/** Commands whose first argument may be the file of options. */
const FILE_FIRST = ['train', 'pretrain', 'evaluate'];
/** Larger files are data. */
const MAX_BYTES = 1 << 20;

/**
 * A command line in which files of options, and `--set`, are the flags that they stand for, before
 * those that are given.
 * @throws UsageError for a file that is broken, or an unknown name.
 */
export function withOptionsFile(words: readonly string[], program: Command): string[] {
  const named = (word: string) => program.commands.find((each) => each.name() === word);
  const at = words.findIndex(named);
  const command = named(words[at]);
  if (!command?.options.some(({ long }) => long === '--print-config')) return [...words];
  const { options, operands, sets, files } = scan(words.slice(at + 1), command);
  if (files.length === 0 && sets.length === 0) return [...words];
  let given: Record<string, unknown> = {};
  for (const over of [...files, ...sets.map(([name, value]) => ({ [name]: value }))])
    given = { ...withoutConflicts(given, over, command), ...over };
  given = withoutConflicts(given, flagsIn(options), command);
  const own = argumentNames(command);
  const flags = Object.entries(given).flatMap(([name, value]) =>
    own.includes(name) || value === null ? [] : flagOf(name, value, command),
  );
  const defaults = own.flatMap((name) => given[name] ?? []).map(String);
  const rest = operands.length > 0 ? operands : defaults;
  const last = rest.length > 0 ? ['--', ...rest] : [];
  return [...words.slice(0, at + 1), ...flags, ...options, ...last];
}

/** The names of flags among words. */
const flagsIn = (words: readonly string[]): Record<string, true> =>
  Object.fromEntries(
    words.filter((word) => word.startsWith('--')).map((word) => [splitAt(word)[0].slice(2), true]),
  );

/** The options that do not conflict with those that go over them. */
function withoutConflicts(
  given: Record<string, unknown>,
  over: Record<string, unknown>,
  command: Command,
): Record<string, unknown> {
  const options = (values: Record<string, unknown>) =>
    command.options.filter((option) => (values[optionName(option)] ?? null) !== null);
  const stronger = options(over);
  const conflicting = options(given).filter((option) =>
    stronger.some(
      (other) =>
        conflictsOf(option).includes(other.attributeName()) ||
        conflictsOf(other).includes(option.attributeName()),
    ),
  );
  const names = conflicting.map(optionName);
  return Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)));
}

/** Attributes that an option excludes. */
const conflictsOf = (option: Option): string[] =>
  (option as Option & { conflictsWith: string[] }).conflictsWith;

const argumentNames = (command: Command): string[] =>
  command.registeredArguments.map((argument) => argument.name());

interface Scanned {
  /** Flags and their values. */
  options: string[];
  operands: string[];
  sets: [name: string, value: unknown][];
  files: Record<string, unknown>[];
}

/** Tells flags, arguments and files of options apart. */
function scan(words: readonly string[], command: Command): Scanned {
  const found: Scanned = { options: [], operands: [], sets: [], files: [] };
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--') {
      found.operands.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      takeArgument(word, command, found);
      continue;
    }
    const [flag, inWord] = splitAt(word);
    const option = command.options.find(({ long, short }) => long === flag || short === flag);
    const taken = inWord === undefined ? takenWords(option, words.slice(i + 1)) : [];
    i += taken.length;
    const value = inWord ?? taken[0];
    if (flag === '--set' && value !== undefined) found.sets.push(settingOf(value, command));
    else if (flag === '--config' && value !== undefined) takeConfig(value, command, found);
    else found.options.push(word, ...taken);
  }
  return found;
}

/** The words after a flag that are its value, or its values. */
function takenWords(option: Option | undefined, words: readonly string[]): readonly string[] {
  const isFlag = (word: string) => word.startsWith('-') && word !== '-';
  const takesOne =
    words.length > 0 &&
    (option?.required === true || (option?.optional === true && !words[0].startsWith('-')));
  if (!takesOne) return [];
  const end = words.findIndex((word, i) => i > 0 && (!option?.variadic || isFlag(word)));
  return words.slice(0, end < 0 ? words.length : end);
}

/** The first argument of some commands may be a file of options. */
function takeArgument(word: string, command: Command, { operands, files }: Scanned): void {
  const mayBeFile =
    operands.length === 0 && FILE_FIRST.includes(command.name()) && word.endsWith('.json');
  const file = mayBeFile ? readOptions(word, command) : undefined;
  if (file) files.push(file);
  else operands.push(word);
}

/** `--config` is a file of options, or in training the config.json of a fresh model. */
function takeConfig(path: string, command: Command, { files, options }: Scanned): void {
  const isModels = !command.options.some(({ description }) => description.startsWith('JSON file'));
  const file = readOptions(path, command, !isModels);
  if (file) files.push(file);
  else options.push(`--config=${path}`);
}

/** A word at its first `=`. */
function splitAt(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function settingOf(text: string, command: Command): [string, unknown] {
  const [name, value] = splitAt(text);
  if (value === undefined)
    throw new UsageError(`--set: expected name=value, got ${formatValue(text)}`);
  checkName(name, command, '--set');
  return [name, value === 'null' ? null : value];
}

/**
 * The options in a file; undefined if it is none: data, or the configuration of a model.
 * @param mustBe whether it can be nothing else
 */
function readOptions(
  path: string,
  command: Command,
  mustBe = false,
): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    if (!mustBe && statSync(path).size > MAX_BYTES) return undefined;
    value = JSON.parse(readFileSync(path, 'utf8').replace(/^\ufeff/, ''));
  } catch (error) {
    if (!mustBe) return undefined;
    throw new UsageError(`--config: cannot read ${path}: ${(error as Error).message}`);
  }
  const names = namesOf(command);
  const looksLikeOptions =
    isObject(value) &&
    Object.keys(value).some((key) => names.includes(key)) &&
    !Object.values(value).some((list) => Array.isArray(list) && list.some(isObject));
  if (!looksLikeOptions && !mustBe) return undefined;
  if (!isObject(value)) throw new UsageError(`${path}: expected a JSON object of options`);
  for (const name of Object.keys(value)) checkName(name, command, path);
  return value;
}

/** Names that a file may have. */
const namesOf = (command: Command): string[] => [
  ...argumentNames(command),
  ...command.options.map(optionName).filter((name) => name !== 'set' && name !== 'print-config'),
];

const optionName = ({ long }: Option): string => long!.slice(2);

/** @throws UsageError for a name that the command does not have. */
function checkName(name: string, command: Command, where: string): void {
  const names = namesOf(command);
  if (names.includes(name)) return;
  const plain = (text: string) => text.toLowerCase().replace(/[-_\s]/g, '');
  const near = names
    .map((each) => ({ each, edits: distance(plain(each), plain(name)) }))
    .filter(({ edits }) => edits <= Math.max(1, name.length / 4))
    .sort((a, b) => a.edits - b.edits)[0];
  throw new UsageError(
    `${where}: ${formatValue(name)} is no option of ${command.name()}` +
      (near ? ` (did you mean ${JSON.stringify(near.each)}?)` : `: ${formatNames(names, 100)}`),
  );
}

/** Letters to add, remove or change to get from one text to the other (Levenshtein 1966). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++)
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (letter === to[j] ? 0 : 1)));
    row = next;
  }
  return row[to.length];
}

/** An option of the file as a flag. */
function flagOf(name: string, value: unknown, command: Command): string[] {
  const option = command.options.find((each) => optionName(each) === name)!;
  const mayBeAlone = option.optional && typeof value !== 'string' && typeof value !== 'number';
  if (option.isBoolean() || mayBeAlone) {
    if (value === true || value === 'true') return [`--${name}`];
    if (value === false || value === 'false') return [];
    throw new UsageError(`--${name}: expected true or false, got ${formatValue(value)}`);
  }
  const isPlain = (each: unknown) => typeof each === 'string' || typeof each === 'number';
  const list = Array.isArray(value) ? value : [value];
  if (!list.every(isPlain))
    throw new UsageError(`--${name}: expected a number or a text, got ${formatValue(value)}`);
  return option.variadic
    ? list.map((each) => `--${name}=${each}`)
    : [`--${name}=${list.join(',')}`];
}

/**
 * Prints the options of a command, its defaults included, as a file of options, and ends.
 * @throws CommanderError, which ends the program with code 0.
 */
export function printConfig(command: Command): never {
  const printed: [string, unknown][] = command.registeredArguments.map((argument, i) => {
    const words = command.args.slice(i);
    return [argument.name(), argument.variadic && words.length > 1 ? words : words[0]];
  });
  const isGiven = (name: string) => command.getOptionValueSource(name) === 'cli';
  const excluded = command.options
    .filter((option) => isGiven(option.attributeName()))
    .flatMap(conflictsOf);
  for (const option of command.options) {
    const name = option.attributeName();
    if (name === 'printConfig' || (excluded.includes(name) && !isGiven(name))) continue;
    printed.push([optionName(option), command.getOptionValue(name)]);
  }
  const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0;
  const shown = printed.filter(([, value]) => value !== undefined && !isEmpty(value));
  console.log(JSON.stringify(Object.fromEntries(shown), undefined, 2));
  throw new CommanderError(0, 'wigbert.printConfig', '');
}
