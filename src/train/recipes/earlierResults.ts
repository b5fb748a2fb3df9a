import { sentenceFileNames } from '../../formats/sentenceFolder.ts';
import { removeFile } from '../../platform/checkedFolder.ts';
import { joinPath } from '../../platform/runtime.ts';
import { CALIBRATION } from './calibrationFile.ts';
import { removeCard } from './modelCard.ts';
import { PAGE, REPORT } from './report/runReport.ts';

/**
 * Removes what a folder says of an earlier model, before another one is saved there: it would be
 * untrue of that, and a run that is stopped writes no results of its own.
 */
export async function removeEarlierResults(dir: string): Promise<void> {
  for (const name of [REPORT, PAGE, CALIBRATION, ...sentenceFileNames])
    await removeFile(joinPath(dir, name));
  await removeCard(dir);
}
