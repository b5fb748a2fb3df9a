import { SingleBar } from 'cli-progress';
import { type DownloadProgress, findModel } from '../formats/hub.ts';
import { UsageError } from '../platform/errors.ts';

let shownFile: string | undefined;

/** A line on standard error for each file that is fetched. */
export function showDownload({
  model,
  file,
  loaded,
  total,
}: { model: string } & DownloadProgress): void {
  if (file === shownFile) return;
  shownFile = file;
  console.error(`fetching ${model}: ${file} (${megabytes(loaded)} of ${megabytes(total)} MB)`);
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/**
 * The folder of `--model`: a folder's path, or a model's name on the hub. A download is shown on standard error, unless
 * `silent`: a bar on a terminal, a line a file elsewhere. Throws as `findModel`.
 */
export async function modelFolder(name: string, silent: boolean): Promise<string> {
  if (name === '')
    throw new UsageError("--model is empty: a folder or a model's name on the hub was expected");
  if (silent) return findModel(name);
  if (!process.stderr.isTTY) {
    let last: string | undefined;
    return findModel(name, {
      onProgress: ({ file, loaded, total }) => {
        if (file === last) return;
        last = file;
        console.error(`fetching ${name}: ${file} (${megabytes(loaded)} of ${megabytes(total)} MB)`);
      },
    });
  }
  const bar = new SingleBar({
    stream: process.stderr,
    format: `fetching ${name} {bar} {percentage} % of {size} MB · {file}`,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
  });
  try {
    return await findModel(name, {
      onProgress: ({ file, loaded, total }) => {
        if (!bar.isActive) bar.start(total, 0, { file, size: megabytes(total) });
        bar.update(loaded, { file });
      },
    });
  } finally {
    bar.stop();
  }
}
