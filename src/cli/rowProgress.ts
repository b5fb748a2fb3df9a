import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { SingleBar } from 'cli-progress';
import { formatRate, formatSeconds } from './progress.ts';

/** Where the work on a file stands. */
export interface RowStatus {
  /** Rows done. */
  rows: number;
  /** Line of the file reached. */
  line: number;
}

/** Shows how far the work on a file is. */
export interface RowProgress {
  update(status: RowStatus): void;
  /** Writes a line that stays. */
  log(line: string): void;
  /** Gives the terminal back. Must be called; again does nothing. */
  stop(): void;
}

export interface RowProgressOptions {
  /** Lines of the file; undefined if unknown. */
  totalLines?: number;
  /** True to show nothing. Default false. */
  silent?: boolean;
  /** Seconds between lines if the stream is no terminal. Default 5. */
  lineInterval?: number;
  /** Default: standard error. */
  stream?: NodeJS.WriteStream;
}

/** A bar on a terminal, a line every few seconds elsewhere, nothing if `silent`. */
export function createRowProgress({
  totalLines,
  silent = false,
  lineInterval = 5,
  stream = process.stderr,
}: RowProgressOptions): RowProgress {
  if (silent) return { update() {}, log() {}, stop() {} };
  const start = performance.now();
  const textOf = ({ rows, line }: RowStatus): string => {
    const seconds = (performance.now() - start) / 1000;
    const parts = [`${rows.toLocaleString('en')} rows`, `${formatRate(rows / seconds)} rows/s`];
    if (totalLines !== undefined)
      parts.push(`${formatSeconds((seconds / line) * Math.max(0, totalLines - line))} left`);
    return parts.join(' · ');
  };
  return stream.isTTY
    ? rowBar(textOf, totalLines, stream)
    : rowLines(textOf, lineInterval * 1000, stream);
}

function rowBar(
  textOf: (status: RowStatus) => string,
  totalLines: number | undefined,
  stream: NodeJS.WriteStream,
): RowProgress {
  const bar = new SingleBar({
    stream,
    format: totalLines === undefined ? '{text}' : '{bar} {percentage} % · {text}',
    barsize: 16,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    gracefulExit: false,
  });
  bar.start(totalLines ?? 1, 0, { text: 'reading' });
  let isRunning = true;
  return {
    update(status) {
      bar.update(Math.min(status.line, totalLines ?? 1), { text: textOf(status) });
      // Its own timer does not fire while the cpu device computes.
      bar.render();
    },
    log(line) {
      if (isRunning) bar.stop();
      isRunning = false;
      stream.write(`${line}\n`);
    },
    stop() {
      if (isRunning) bar.stop();
      isRunning = false;
    },
  };
}

function rowLines(
  textOf: (status: RowStatus) => string,
  interval: number,
  stream: NodeJS.WriteStream,
): RowProgress {
  let written = performance.now();
  return {
    update(status) {
      if (performance.now() - written < interval) return;
      stream.write(`${textOf(status)}\n`);
      written = performance.now();
    },
    log: (line) => void stream.write(`${line}\n`),
    stop() {},
  };
}

const NEWLINE = 0x0a;

/** Counts the lines of a file; undefined for what is no plain file, compressed or Parquet. */
export async function countLines(path: string): Promise<number | undefined> {
  if (/\.(?:gz|parquet)$/i.test(path) || !(await stat(path).catch(() => undefined))?.isFile())
    return undefined;
  let lines = 0;
  let last = NEWLINE;
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1 << 20 });
  for await (const chunk of chunks) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
    last = chunk.at(-1)!;
  }
  return last === NEWLINE ? lines : lines + 1;
}
