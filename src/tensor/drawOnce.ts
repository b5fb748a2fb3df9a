import type { Device } from '../device/device.ts';
import { StateError } from '../platform/errors.ts';
import { globalGenerator } from './globalRng.ts';
import type { Philox } from './random.ts';

/**
 * Random draws of a function that `checkpoint` runs twice: the second run gets those of the first.
 */
export class DrawTape {
  readonly #draws: unknown[] = [];
  #isRecorded = false;
  #next = 0;

  /** Runs `body`; the first time its draws are noted, later they are given again. */
  run<T>(body: () => T): T {
    const outer = tape;
    tape = { take: (draw) => this.#take(draw, outer) };
    this.#next = 0;
    try {
      const result = body();
      if (this.#isRecorded && this.#next < this.#draws.length) throw this.#mismatch();
      this.#isRecorded = true;
      return result;
    } finally {
      tape = outer;
    }
  }

  #take<T>(draw: () => T, outer: Tape | undefined): T {
    if (this.#isRecorded) {
      if (this.#next === this.#draws.length) throw this.#mismatch();
      return this.#draws[this.#next++] as T;
    }
    // Inside another checkpoint, draws may be those of its first run.
    const value = outer ? outer.take(draw) : draw();
    this.#draws.push(value);
    return value;
  }

  #mismatch(): StateError {
    return new StateError(
      `checkpoint: expected ${this.#draws.length} random draws, as in the first run, got another ` +
        'number: the function must do the same each time (was the mode of a module changed?)',
    );
  }
}

interface Tape {
  take<T>(draw: () => T): T;
}

let tape: Tape | undefined;

/** Draws, or gives again what the first run of a checkpointed function drew here. */
export const drawOnce = <T>(draw: () => T): T => (tape ? tape.take(draw) : draw());

/** Values that the host draws now and before each replay of a captured step. */
export const hostDraw = <T>(device: Device, draw: (random: Philox) => T): (() => T) =>
  drawOnce(() => {
    let values!: T;
    device.onReplay(() => {
      values = draw(globalGenerator());
    });
    return () => values;
  });
