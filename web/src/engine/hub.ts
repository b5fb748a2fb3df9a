/** Base models by their names on the Hugging Face hub, kept in the private file system. */
import { AutoConfig, AutoTokenizer } from 'wigbert/bert';
import type { DownloadProgress } from '../../../src/formats/downloadProgress.ts';
import { findSnapshot, repositoryFolder, repositoryName } from '../../../src/formats/hub.ts';
import { type DownloadRequest, downloadModel } from '../../../src/formats/hubDownload.ts';
import { removePrivate } from '../../../src/platform/browser/privateFiles.ts';
import { DownloadError, UsageError, WriteError } from '../../../src/platform/errors.ts';
import { MODELS } from './data.ts';
import type { HubAnswer, HubRefusal } from './protocol.ts';

/** Bytes of a file that browsers hold in memory, as they must to check it and to read it. */
const MOST_BYTES = 2 ** 31 - 1;
/** Milliseconds between two reports. */
const REPORT_EVERY = 100;

class Refusal extends Error {
  readonly kind: HubRefusal;

  constructor(kind: HubRefusal) {
    super(kind);
    this.kind = kind;
  }
}

let controller: AbortController | undefined;

/** Ends the download, if there is one. */
export const stopDownload = (): void => controller?.abort();

/** The model of a name: the one that is kept, else a download. */
export async function hubModel(
  name: string,
  report: (progress: DownloadProgress) => void,
): Promise<HubAnswer> {
  stopDownload();
  const { signal } = (controller = new AbortController());
  if (!repositoryName.test(name)) return { refusal: 'badName' };
  const repository = `${MODELS}/${repositoryFolder(name)}`;
  try {
    const path = (await findSnapshot(repository)) ?? (await download());
    return signal.aborted ? {} : { model: { name, path, fromHub: true } };
  } catch (error) {
    if (signal.aborted) return {};
    console.error(error);
    // What came whole is kept only for a model that can be trained.
    if (error instanceof Refusal) await removePrivate(repository);
    return { refusal: reasonOf(error) };
  }

  async function download(): Promise<string> {
    let reported = 0;
    const hub = await import('@huggingface/hub');
    return downloadModel({
      ...{ hub, hubUrl: hub.HUB_URL, name, repository, beforeWeights, signal },
      onProgress(progress) {
        const time = performance.now();
        if (time - reported < REPORT_EVERY) return;
        reported = time;
        report(progress);
      },
    });
  }
}

/** Throws unless the model can be trained here. */
const beforeWeights: DownloadRequest['beforeWeights'] = async (folder, files) => {
  if (files.some(({ size }) => size > MOST_BYTES)) throw new Refusal('tooLarge');
  try {
    await AutoConfig.fromPretrained(folder);
    await AutoTokenizer.fromPretrained(folder);
  } catch (error) {
    throw error instanceof UsageError ? new Refusal('notBert') : error;
  }
};

function reasonOf(error: unknown): HubRefusal {
  if (error instanceof Refusal) return error.kind;
  if (error instanceof WriteError) return 'noRoom';
  if (error instanceof DownloadError) return 'damaged';
  if (error instanceof UsageError) return 'noWeights';
  // The hub answers 401 for missing models as for private ones.
  const { statusCode } = error as { statusCode?: number };
  return statusCode && [401, 403, 404].includes(statusCode) ? 'missing' : 'network';
}
