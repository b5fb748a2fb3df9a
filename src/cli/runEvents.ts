import type { RunEvent } from '../train/recipes/events.ts';

type RunNote = Extract<
  RunEvent,
  { event: 'batchSize' | 'damaged' | 'deviceLost' | 'outOfMemory' | 'skippedStep' }
>;

/** What is said of a run's folder and device, and of its steps, in one line. */
export function runLine(event: RunNote): string {
  switch (event.event) {
    case 'batchSize':
      return `batch size: ${event.batchSize}, the largest that was found to fit`;
    case 'damaged':
      return `${event.folder} is damaged and left out: ${event.damage}`;
    case 'deviceLost':
      return `${event.message}; going on from the latest checkpoint on a new device`;
    case 'outOfMemory': {
      const work = event.during === 'evaluation' ? ' to evaluate' : '';
      return (
        `step ${event.step}: too little memory${work}; going on with ${event.microBatchSize} ` +
        'examples at a time, with the same results'
      );
    }
    case 'skippedStep': {
      const { loss, gradNorm } = event;
      const what = Number.isFinite(loss)
        ? `the norm of its gradients is ${gradNorm}`
        : `its loss is ${loss}`;
      return `step ${event.step} is left out: ${what} (--on-nan skip)`;
    }
  }
}
