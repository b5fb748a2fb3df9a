import type { InputEventOf } from './events.ts';
import type { PredictResult } from './predictor.ts';

/** Counts the texts that get no label because none is probable enough. */
export class AbstentionCounter {
  readonly #below: number | undefined;
  #abstained = 0;
  #texts = 0;

  constructor(below: number | undefined) {
    this.#below = below;
  }

  add(result: PredictResult): void {
    this.#texts += result.predictions.length;
    if (result.task === 'classification')
      this.#abstained += result.predictions.filter(({ label }) => label === null).length;
  }

  /** Reports the number, if texts may go without a label. */
  report(report: (event: InputEventOf<'abstained'>) => void): void {
    if (this.#below !== undefined)
      report({
        event: 'abstained',
        abstained: this.#abstained,
        of: this.#texts,
        below: this.#below,
      });
  }
}
