import { writeFiles } from '../../../platform/atomicWrite.ts';
import { UsageError } from '../../../platform/errors.ts';
import { fileExists, readJson } from '../../../platform/readFiles.ts';
import { joinPath } from '../../../platform/runtime.ts';
import { parsePretrainHistory } from '../../pretraining/history.ts';
import { HISTORY } from '../../trainer/checkpoint.ts';
import { History } from '../../trainer/history.ts';
import { type ReportedRun, reportPage } from './page.ts';
import type { ReportProfile } from './reportProfile.ts';
import { PAGE, parseRunReport, REPORT, reportText } from './runReport.ts';

/** Options of `writeReport`. */
export interface ReportOptions {
  /** Folder of a run that has ended. */
  out: string;
  /** What its kernels took: kept in report.json, and shown. */
  profile?: ReportProfile;
}

/**
 * Makes report.html, one file that shows a run, once more from the files in the run's folder.
 * @returns its path
 * @throws UsageError if the folder has no report.json and history.json of one run.
 * @example
 * console.log(await writeReport({ out: 'out/model' })); // out/model/report.html
 */
export async function writeReport({ out, profile }: ReportOptions): Promise<string> {
  const path = joinPath(out, REPORT);
  if (!(await fileExists(path)))
    throw new UsageError(
      `\`out\`: expected the folder of a run with a ${REPORT}, got ${out}: ` +
        'training writes one when it ends',
    );
  const report = { ...parseRunReport(await readJson(path), path), ...(profile && { profile }) };
  const historyPath = joinPath(out, HISTORY);
  const history = await readJson(historyPath);
  const run: ReportedRun =
    report.kind === 'train'
      ? { kind: 'train', report, history: History.parse(history, historyPath) }
      : { kind: 'pretrain', report, history: parsePretrainHistory(history, historyPath) };
  const steps = run.history.steps.length;
  if (steps !== report.time.steps)
    throw new UsageError(
      `${out}: ${HISTORY} has ${steps} steps, but ${REPORT} has ${report.time.steps}: ` +
        'they belong to different runs',
    );
  await writeFiles(out, {
    ...(profile && { [REPORT]: reportText(report) }),
    [PAGE]: reportPage(run),
  });
  return joinPath(out, PAGE);
}
