import { mergeRuns, RUN, sortRuns } from '../kernels/reduction/sort.ts';
import { launch } from './launch.ts';
import { empty, type Tensor } from './tensor.ts';

/**
 * Sorts the rows of the last dimension of a contiguous tensor, stably: keys in order (see
 * `sortRuns`) and the positions that they come from (int32). Not recorded.
 */
export function sortRows(x: Tensor, descending = false): { keys: Tensor; order: Tensor } {
  const n = x.shape.at(-1) ?? 1;
  const rows = n === 0 ? 0 : x.size / n;
  const make = () => empty(x.shape, 'int32', x.device);
  let [keys, order] = [make(), make()];
  const isFloat = Number(x.dtype === 'float32');
  launch(sortRuns, { x, keys, order }, { rows, n, isFloat, descending: Number(descending) });
  for (let width = RUN; width < n; width *= 2) {
    const [keysIn, orderIn] = [keys, order];
    [keys, order] = [make(), make()];
    launch(mergeRuns, { keysIn, orderIn, keys, order }, { rows, n, width });
    keysIn.dispose();
    orderIn.dispose();
  }
  return { keys, order };
}
