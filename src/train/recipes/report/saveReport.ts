import { writeFiles } from '../../../platform/atomicWrite.ts';
import { type ReportedRun, reportPage } from './page.ts';
import { PAGE, REPORT, reportText } from './runReport.ts';

/** Writes what a run found out, and its page, into its folder; with more files, by name. */
export async function saveReport(
  out: string,
  run: ReportedRun,
  files: Record<string, string> = {},
): Promise<void> {
  await writeFiles(out, { ...files, [REPORT]: reportText(run.report), [PAGE]: reportPage(run) });
}
