import { SingleBar } from 'cli-progress';
import type { InputEventOf } from '../train/recipes/events.ts';

let bar: SingleBar | undefined;
let shownFile: string | undefined;

/** Shows a download on standard error: a bar on a terminal, a line for each file elsewhere. */
export function showDownload({
  model,
  file,
  loaded,
  total,
}: Omit<InputEventOf<'download'>, 'event'>): void {
  if (process.stderr.isTTY) {
    bar ??= startBar(model, file, total);
    bar.update(loaded, { file });
    if (loaded >= total) endDownload();
    return;
  }
  if (file === shownFile) return;
  shownFile = file;
  console.error(`downloading ${model}: ${file} (${megabytes(loaded)} of ${megabytes(total)} MB)`);
}

/** Gives the terminal back if a download has failed. */
export function endDownload(): void {
  bar?.stop();
  bar = undefined;
}

function startBar(model: string, file: string, total: number): SingleBar {
  const bar = new SingleBar({
    stream: process.stderr,
    format: `downloading ${model} {bar} {percentage} % of {size} MB · {file}`,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
  });
  bar.start(total, 0, { file, size: megabytes(total) });
  return bar;
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
