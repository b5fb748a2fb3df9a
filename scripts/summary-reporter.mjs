/**
 * A vitest reporter that prints `N passed, N failed` as the last line of a test run, so that people
 * and scripts find the result in the same place.
 */

/** @typedef {import('vitest/node').TestModule} TestModule */

/**
 * Counts tests. Anything that keeps tests from running counts as failed: a file that does not load,
 * a hook that throws, a test that never finished, an error outside of tests.
 * @param {ReadonlyArray<TestModule>} modules
 * @param {ReadonlyArray<unknown>} unhandledErrors
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function countTests(modules, unhandledErrors) {
  const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    for (const suite of [module, ...module.children.allSuites()])
      counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      counts[state === 'pending' ? 'failed' : state]++;
    }
  }
  return counts;
}

/** @param {{ passed: number, failed: number, skipped: number }} counts */
export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;

export default class SummaryReporter {
  #counts = { passed: 0, failed: 0, skipped: 0 };

  /**
   * Prints at the end of the process, because vitest and other reporters still print after the run.
   */
  onInit() {
    process.once('exit', (code) => {
      const failed = this.#counts.failed || (code ? 1 : 0);
      process.stdout.write(`${summaryLine({ ...this.#counts, failed })}\n`);
    });
  }

  /**
   * @param {ReadonlyArray<TestModule>} modules
   * @param {ReadonlyArray<unknown>} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    this.#counts = countTests(modules, unhandledErrors);
  }
}
