import { type DataFormat, hasObjects } from '../../formats/tables/format.ts';
import { rowWriter } from '../../formats/tables/write.ts';
import { UsageError } from '../../platform/errors.ts';
import { areEntityTags } from '../metrics/entities.ts';
import type { Question } from '../tasks/spans.ts';
import type { TaskName } from '../tasks/task.ts';
import type { AnswerPrediction } from './answering.ts';
import type { InputRow, InputTable } from './inputTable.ts';
import { freeNames, predictionColumns } from './predictionColumns.ts';
import type { PredictResult } from './predictor.ts';

/** Turns rows and what is predicted of them into the text of a file. */
export interface PredictionWriter {
  readonly begin: string;
  write(rows: readonly InputRow[], result: PredictResult): string;
  readonly end: string;
  /** Cells so far whose tabs or line ends became blanks. */
  readonly flattened?: number;
  /** Keys of JSON objects so far that have no column. */
  readonly lateKeys?: ReadonlySet<string>;
}

/** What is predicted. */
export interface Predicted {
  task: TaskName;
  labels: readonly string[];
  topK?: number | 'all';
}

/**
 * A writer of tables that become one, with the columns of the first.
 * @throws UsageError when a table of predictions cannot be written in the format.
 */
export function predictionWriter(
  format: DataFormat,
  tables: readonly InputTable[],
  predicted: Predicted,
): PredictionWriter {
  const [table] = tables;
  if (format === 'conll') {
    if (predicted.task === 'token-classification') return conllWriter(table, predicted);
    throw new UsageError(
      `\`out\`: expected TSV, CSV or JSON, since the model is for ${predicted.task}, got CoNLL`,
    );
  }
  if (format === 'parquet')
    throw new UsageError('`out`: expected TSV, CSV, JSON or JSONL: Parquet is read, not written');
  if (predicted.task === 'question-answering' && format === 'json') return squadWriter();
  return format === 'tsv' || format === 'csv'
    ? cellWriter(format, table, predicted)
    : jsonWriter(format, tables, predicted);
}

/** The columns of a CoNLL file, which also have numbers, without these. */
const namedColumns = ({ format, columns }: InputTable): string[] =>
  columns.filter((name) => format !== 'conll' || !/^\d+$/.test(name));

function cellWriter(
  format: 'tsv' | 'csv',
  table: InputTable,
  { task, labels, topK }: Predicted,
): PredictionWriter {
  const { columns } = table;
  const isJson = hasObjects(table.format);
  // Columns of nested objects are in the column of the object already.
  const shown = namedColumns(table).slice(0, table.topColumns);
  const indices =
    isJson || table.format === 'conll'
      ? shown.map((name) => columns.indexOf(name))
      : [...columns.keys()];
  const added = predictionColumns(task, 'cells', labels, topK, columns);
  const writer = rowWriter(format, [...shown, ...added.names]);
  const lateKeys = new Set<string>();
  return {
    begin: writer.header,
    write(rows, result) {
      const values = added.values(result);
      const lines = rows.map(({ values: own, object = {} }, i) => {
        for (const key of Object.keys(object)) if (!columns.includes(key)) lateKeys.add(key);
        return writer.row([...indices.map((index) => own[index]), ...values[i]]);
      });
      return lines.join('');
    },
    end: '',
    get flattened() {
      return writer.flattened;
    },
    lateKeys,
  };
}

function jsonWriter(
  format: 'json' | 'jsonl',
  tables: readonly InputTable[],
  { task, labels, topK }: Predicted,
): PredictionWriter {
  const [table] = tables;
  const { columns, name, duplicateColumns } = table;
  if (duplicateColumns.length > 0)
    throw new UsageError(
      `${name} has several columns named ${duplicateColumns[0]}, which JSON cannot hold`,
    );
  const taken = new Set(tables.flatMap((each) => each.columns));
  const added = predictionColumns(task, 'objects', labels, topK, [...taken]);
  const named = namedColumns(table);
  const indices = named.map((column) => columns.indexOf(column));
  const isArray = format === 'json';
  let isFirst = true;
  return {
    begin: isArray ? '[\n' : '',
    write(rows, result) {
      const values = added.values(result);
      const objects = rows.map(({ values: own, object }, i) => {
        const given = object ?? Object.fromEntries(named.map((key, at) => [key, own[indices[at]]]));
        // A row may have keys that no row in the head of its file has.
        const names = freeNames(added.names, Object.keys(given));
        const more = Object.fromEntries(names.map((key, at) => [key, values[i][at]]));
        return JSON.stringify({ ...given, ...more });
      });
      const before = isFirst ? '' : ',\n';
      isFirst = false;
      return isArray ? before + objects.join(',\n') : `${objects.join('\n')}\n`;
    },
    end: isArray ? '\n]\n' : '',
  };
}

/**
 * A word a line: the columns of a CoNLL file, else the word, and last the tag. A given word that
 * the model did not see is outside all entities.
 */
function conllWriter({ columns, format }: InputTable, { labels }: Predicted): PredictionWriter {
  const unseen = areEntityTags(labels) ? 'O' : '_';
  const numbered = [...columns.keys()].filter(
    (i) => format === 'conll' && /^\d+$/.test(columns[i]),
  );
  return {
    begin: '',
    write(rows, { predictions }) {
      const sentences = rows.map(({ input, values }, i) => {
        const { words } = predictions[i] as {
          words: { word: string; start: number; entity: string }[];
        };
        if (typeof input === 'string')
          return words.map(({ word, entity }) => [word, entity].join('\t'));
        const tags = new Map(words.map(({ start, entity }) => [start, entity]));
        let start = 0;
        return (input as readonly string[]).map((word, at) => {
          const fields = numbered.map((index) => (values[index] as string[])[at]);
          const tag = tags.get(start) ?? unseen;
          start += word.length + 1;
          return [...(fields.length > 0 ? fields : [word]), tag].join('\t');
        });
      });
      return sentences.map((lines) => `${lines.join('\n')}\n\n`).join('');
    },
    end: '',
  };
}

/**
 * SQuAD's predictions: an object with the answer to each question, by its id.
 * @throws UsageError in `write` for an id that a question before has.
 */
function squadWriter(): PredictionWriter {
  const ids = new Set<string>();
  let isFirst = true;
  return {
    begin: '{\n',
    write(rows, { predictions }) {
      const lines = rows.map(({ input }, i) => {
        const { answer } = predictions[i] as AnswerPrediction;
        const { id } = input as Question;
        if (ids.has(id))
          throw new UsageError(
            `\`out\`: expected another format than JSON, which holds one answer for each id: ` +
              `two questions have the id ${id}`,
          );
        ids.add(id);
        return `${JSON.stringify(id)}: ${JSON.stringify(answer)}`;
      });
      const before = isFirst ? '' : ',\n';
      isFirst = false;
      return before + lines.join(',\n');
    },
    end: '\n}\n',
  };
}
