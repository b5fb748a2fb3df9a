import { init, type LSTM } from '../../nn/index.ts';
import { scope } from '../../tensor/index.ts';
import type { Philox } from '../../tensor/random.ts';

/**
 * Draws the weights of an LSTM uniform within ±1/√hiddenSize, with biases of 0, and of 1 for the
 * forget gate (Jozefowicz et al. 2015).
 */
export function drawLstm(lstm: LSTM, random: Philox): void {
  const { hiddenSize } = lstm;
  const bound = 1 / Math.sqrt(hiddenSize);
  for (const [name, parameter] of lstm.namedParameters()) {
    if (name.startsWith('weight')) init.uniform_(parameter, -bound, bound, random);
    else init.constant_(parameter, 0);
    // Gates in the order input, forget, cell, output.
    if (name.startsWith('bias_ih'))
      scope(() => init.constant_(parameter.detach().slice([[hiddenSize, 2 * hiddenSize]]), 1));
  }
}
