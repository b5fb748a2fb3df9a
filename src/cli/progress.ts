import { MultiBar } from 'cli-progress';

/** Where training stands after a step. */
export interface TrainingStatus {
  /** From 1. */
  epoch: number;
  /** Optimiser steps done. */
  step: number;
  loss: number;
  examplesPerSecond: number;
  tokensPerSecond: number;
  /** Share of the device's multiply-add peak, if known. */
  utilisation?: number;
}

/** Shows how training goes. */
export interface Progress {
  update(status: TrainingStatus): void;
  /** Writes a line that stays. */
  log(line: string): void;
  /** Shows the last status and gives the terminal back. Must be called. */
  stop(): void;
}

export interface ProgressOptions {
  totalSteps: number;
  /** Absent if the number of steps decides when to stop. */
  totalEpochs?: number;
  /** What the examples are called, in the plural. Default: texts. */
  unit?: string;
  /** Steps done before, if training is resumed. Default 0. */
  firstStep?: number;
  /** True to show nothing, as with `--quiet` and `--json`. Default false. */
  silent?: boolean;
  /** Seconds between lines if the stream is no terminal. Default 5. */
  lineInterval?: number;
  /** Default: standard error, so that standard output holds only results. */
  stream?: NodeJS.WriteStream;
}

/** A bar on a terminal, a line every few seconds elsewhere, nothing if `silent`. */
export function createProgress(options: ProgressOptions): Progress {
  if (options.silent) return { update() {}, log() {}, stop() {} };
  const stream = options.stream ?? process.stderr;
  return stream.isTTY ? bar(options, stream) : lines(options, stream);
}

function bar(options: ProgressOptions, stream: NodeJS.WriteStream): Progress {
  const { totalSteps, firstStep = 0 } = options;
  const rates = ratesOf(options);
  const timeLeft = timer(totalSteps);
  const bars = new MultiBar({
    stream,
    // A narrow terminal cuts the end, so what matters least comes last.
    format: 'epoch {epoch} {bar} {value}/{total} · {left} left · loss {loss} · {rates}',
    barsize: 16,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    // Ctrl-C saves the run first; its handler calls `stop`.
    gracefulExit: false,
  });
  const waiting = { epoch: epochOf(options, 1), loss: '–', rates: '–', left: '–' };
  const line = bars.create(totalSteps, firstStep, waiting);
  let drawn = 0;
  // The bar draws itself with a timer, which does not fire while the cpu device computes.
  const draw = () => {
    bars.update();
    drawn = performance.now();
  };
  return {
    update(status) {
      const { epoch, step, loss } = status;
      line.update(step, {
        epoch: epochOf(options, epoch),
        loss: loss.toFixed(3),
        rates: rates(status),
        left: formatSeconds(timeLeft(step)),
      });
      if (performance.now() - drawn >= 100) draw();
    },
    log(text) {
      bars.log(`${text}\n`);
      draw();
    },
    stop() {
      draw();
      bars.stop();
    },
  };
}

function lines(options: ProgressOptions, stream: NodeJS.WriteStream): Progress {
  const { totalSteps, lineInterval = 5 } = options;
  const rates = ratesOf(options);
  const timeLeft = timer(totalSteps);
  let pending: string | undefined;
  let written = performance.now();
  const flush = () => {
    if (pending !== undefined) stream.write(`${pending}\n`);
    pending = undefined;
    written = performance.now();
  };
  return {
    update(status) {
      const { epoch, step, loss } = status;
      pending = [
        `epoch ${epochOf(options, epoch)}`,
        `step ${step}/${totalSteps}`,
        `loss ${loss.toFixed(3)}`,
        rates(status),
        `${formatSeconds(timeLeft(step))} left`,
      ].join(' · ');
      if (performance.now() - written >= lineInterval * 1000) flush();
    },
    log(text) {
      // Keep the order: the pending status is older.
      flush();
      stream.write(`${text}\n`);
    },
    stop: flush,
  };
}

const epochOf = ({ totalEpochs }: ProgressOptions, epoch: number): string =>
  totalEpochs === undefined ? `${epoch}` : `${epoch}/${totalEpochs}`;

/**
 * Seconds left after a step, by the pace since the end of the first one, which compiles and tunes
 * kernels.
 */
function timer(totalSteps: number): (step: number) => number {
  let first: { step: number; time: number } | undefined;
  return (step) => {
    const time = performance.now() / 1000;
    first ??= { step, time };
    return ((time - first.time) / (step - first.step)) * (totalSteps - step);
  };
}

export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.round(seconds);
  const clock = [Math.floor(whole / 60) % 60, whole % 60]
    .map((part) => `${part}`.padStart(2, '0'))
    .join(':');
  return whole < 3600 ? clock : `${Math.floor(whole / 3600)}:${clock}`;
}

/** Speed, and its share of the device's peak. */
const ratesOf =
  ({ unit = 'texts' }: ProgressOptions) =>
  ({ examplesPerSecond, tokensPerSecond, utilisation }: TrainingStatus): string => {
    const parts = [
      `${formatRate(examplesPerSecond)} ${unit}/s`,
      `${formatRate(tokensPerSecond)} tokens/s`,
    ];
    if (utilisation !== undefined) parts.push(`${formatRate(100 * utilisation)} % of peak`);
    return parts.join(' · ');
  };

export function formatRate(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : rate.toFixed(0);
}
