import type { PretrainEvaluation } from '../train/pretraining/history.ts';
import { type PretrainRecipeOptions, pretrain } from '../train/recipes/pretrain.ts';
import type {
  BegunPretraining,
  PretrainEvent,
  PretrainResult,
} from '../train/recipes/pretrainRun.ts';
import { aboutRun } from './aboutRun.ts';
import { reportInput } from './inputReports.ts';
import { createProgress, type Progress } from './progress.ts';
import { runLine } from './runEvents.ts';
import { interruptible, stoppedAfter } from './signals.ts';
import { percent } from './table.ts';

/**
 * Pre-trains and shows how it goes; with `json`, events are printed as JSON.
 * @param openDevice opens the device, once the options are checked
 */
export async function runPretraining(
  options: PretrainRecipeOptions | { resume: string },
  { json, silent, maxTime }: { json: boolean; silent: boolean; maxTime?: number },
  openDevice: (begun?: BegunPretraining) => Promise<unknown>,
): Promise<PretrainResult> {
  const say = silent ? () => {} : (line: string) => console.error(line);
  let progress: Progress | undefined;
  const { signal, listen, release } = interruptible(
    () => (progress?.log ?? say)('stopping after this step; press Ctrl-C again to leave at once'),
    maxTime,
  );
  const print = (event: PretrainEvent) => json && console.log(JSON.stringify(event));
  const onEvent = (event: PretrainEvent) => {
    switch (event.event) {
      case 'start': {
        for (const line of startLines(event)) say(line);
        const { totalSteps, firstStep } = event;
        progress?.stop();
        progress = createProgress({ totalSteps, firstStep, unit: 'examples', silent });
        break;
      }
      case 'step': {
        const { examplesPerSecond: _, ...shown } = event;
        print(shown as PretrainEvent);
        progress!.update(event);
        break;
      }
      case 'evaluation':
        print(event);
        progress!.log(evaluationLine(event));
        break;
      case 'checkpoint':
        print(event);
        break;
      case 'interrupted':
        progress!.log(`${stoppedAfter(event.step)}: the model as it stands is in ${event.folder}`);
        break;
      case 'batchSize':
        say(runLine(event));
        break;
      case 'damaged':
      case 'deviceLost':
      case 'outOfMemory':
      case 'skippedStep':
        (progress?.log ?? console.error)(runLine(event));
        break;
      default:
        reportInput(event, silent, 'out' in options ? options : {});
    }
  };
  try {
    return await pretrain(options, {
      signal,
      onEvent,
      openDevice: async (begun) => {
        await openDevice(begun);
        listen();
      },
      about: aboutRun(),
    });
  } finally {
    progress?.stop();
    release();
  }
}

function startLines(start: Extract<PretrainEvent, { event: 'start' }>): string[] {
  const { numHiddenLayers, hiddenSize } = start.model.config;
  const parameters = start.model.parameterCount.toLocaleString('en');
  const from = start.firstStep > 0 ? `, continuing after step ${start.firstStep}` : '';
  return [
    `model: ${numHiddenLayers} layers × ${hiddenSize}, ${parameters} parameters`,
    `data: ${start.totalSteps} steps of ${start.batchSize} examples${from}, ` +
      `${start.valid} examples held out to validate with`,
  ];
}

function evaluationLine(record: PretrainEvaluation): string {
  const { step, trainLoss } = record;
  return `step ${step}: loss ${trainLoss.toFixed(3)} · validation ${validFigures(record)}`;
}

/** What a pre-training ends with. */
export const resultLine = (record: PretrainEvaluation): string =>
  `pre-trained in ${record.step} steps: validation ${validFigures(record)}`;

function validFigures({ validLoss, validPerplexity, validAccuracy }: PretrainEvaluation): string {
  const parts = [`loss ${validLoss.toFixed(3)}`];
  if (validPerplexity !== undefined) parts.push(`perplexity ${validPerplexity.toFixed(1)}`);
  if (validAccuracy !== undefined) parts.push(`next sentence accuracy ${percent(validAccuracy)}`);
  return parts.join(', ');
}
