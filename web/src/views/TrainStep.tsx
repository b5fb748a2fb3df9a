import { formatPercent } from '../../../src/platform/format.ts';
import { chooseDevice } from '../actions/device.ts';
import { resume, startTraining, stopTraining } from '../actions/runs.ts';
import type { DeviceKind, RunSettings } from '../engine/protocol.ts';
import { getState, isBusy, isTraining, type State, set, useStore, useWords } from '../store.ts';
import type { Words } from '../words/index.ts';
import { Charts, Choice, Legend, metricText, Step } from './parts.tsx';

export function TrainStep() {
  const words = useWords();
  const state = useStore();
  const { run, progress } = state;
  return (
    <Step number={2} title={words.train.title} lede={words.train.lede}>
      <DeviceLine />
      <SettingFields />
      <Buttons />
      <p class="status" role="status">
        {statusOf(state, words)}
      </p>
      <Figures />
      <progress
        aria-label={words.train.step}
        max={Math.max(1, run?.totalSteps ?? 1)}
        value={run?.step ?? 0}
      />
      <Charts charts={progress?.charts ?? []} />
      <Legend hidden={!progress?.charts?.length} />
    </Step>
  );
}

function statusOf({ run, resumedAt }: State, words: Words): string {
  if (!run) return words.train.waiting;
  const { status, step, best, error } = run;
  if (status === 'failed') return words.train.failed(error ?? '');
  if (status === 'stopped') return words.train.stopped(step);
  if (status === 'done') return words.train.done(best ? metricText(best, words) : '–');
  if (run.totalSteps === 0) return words.train.preparing;
  return resumedAt ? words.train.resumed(resumedAt) : words.train.running;
}

/** What computes, in words. */
export function deviceText(device: State['device'], words: Words): string {
  if (!device) return words.device.opening;
  if (device.kind === 'webgpu') return words.device.webgpu(device.description);
  return device.kind === 'wasm' ? words.device.wasm(device.threads) : words.device.cpu;
}

function DeviceLine() {
  const words = useWords();
  const state = useStore();
  // A run goes on on the device that it began on.
  const device = (isTraining(state) && state.run?.device) || state.device;
  return (
    <p>
      <span class="quiet">{words.device.label}</span> {deviceText(device, words)}
      {device?.kind === 'wasm' && !globalThis.crossOriginIsolated && (
        <span class="quiet"> {words.device.single}</span>
      )}
    </p>
  );
}

function DeviceChoice() {
  const words = useWords();
  const state = useStore();
  const { wished } = state;
  const options: { value: DeviceKind | 'auto'; name: string }[] = [
    { value: 'auto', name: words.device.auto },
    ...('gpu' in navigator ? [{ value: 'webgpu' as const, name: 'WebGPU' }] : []),
    { value: 'wasm', name: 'WebAssembly' },
  ];
  return (
    <Choice
      {...{ label: words.device.choose, value: wished, options, disabled: isBusy(state) }}
      onChange={chooseDevice}
    />
  );
}

type NumberSetting = 'epochs' | 'learningRate' | 'batchSize' | 'maxLength';

function SettingFields() {
  const words = useWords();
  const state = useStore();
  const names: [NumberSetting, string, Partial<Record<'min' | 'max' | 'step', number>>][] = [
    ['epochs', words.train.epochs, { min: 1, max: 100, step: 1 }],
    ['learningRate', words.train.rate, { min: 0 }],
    ['batchSize', words.train.batch, { min: 1, max: 1024, step: 1 }],
    ['maxLength', words.train.longest, { min: 4, max: 512, step: 1 }],
  ];
  const change = (name: NumberSetting, input: HTMLInputElement) => {
    const value = input.valueAsNumber;
    const settings: RunSettings = { ...getState().settings, [name]: value };
    if (value > 0 && !input.validity.stepMismatch) set({ settings });
    // What is not taken is not shown.
    else input.value = String(state.settings[name]);
  };
  return (
    <details>
      <summary>{words.train.settings}</summary>
      <div class="fields">
        <DeviceChoice />
        {names.map(([name, label, range]) => (
          <label class="field" key={name}>
            <span>{label}</span>
            <input
              type="number"
              inputMode="decimal"
              step={range.step ?? 'any'}
              {...{ min: range.min, max: range.max }}
              value={state.settings[name]}
              disabled={isTraining(state)}
              onChange={(event) => change(name, event.currentTarget)}
            />
          </label>
        ))}
      </div>
    </details>
  );
}

function Buttons() {
  const words = useWords();
  const state = useStore();
  const { run, data, base, device, reading } = state;
  const ready = !reading && data?.check !== undefined && base !== undefined && device !== undefined;
  if (isTraining(state))
    return (
      <div class="buttons">
        <button type="button" class="primary" onClick={stopTraining}>
          {words.train.stop}
        </button>
      </div>
    );
  const hasEnded = run?.status === 'stopped' || run?.status === 'failed';
  // What failed before it began has no number.
  const canResume = hasEnded && run.id !== 0;
  return (
    <div class="buttons">
      {canResume && (
        <button
          type="button"
          class="primary"
          disabled={state.bench.busy}
          onClick={() => resume(run)}
        >
          {words.train.resume}
        </button>
      )}
      <button
        type="button"
        class={canResume ? '' : 'primary'}
        disabled={!ready || state.bench.busy}
        onClick={startTraining}
      >
        {run ? words.train.again : words.train.start}
      </button>
    </div>
  );
}

function Figures() {
  const words = useWords();
  const state = useStore();
  const { run, progress } = state;
  const { loss, accuracy, perSecond, secondsLeft } = progress ?? {};
  const training = isTraining(state);
  const figures: [string, string][] = [
    [words.train.step, run?.totalSteps ? words.train.of(run.step, run.totalSteps) : '–'],
    [words.train.loss, loss === undefined ? '–' : loss.toFixed(3)],
    [words.train.accuracy, accuracy === undefined ? '–' : formatPercent(accuracy)],
    [words.train.speed, perSecond === undefined ? '–' : words.number(Math.round(perSecond))],
    [
      words.train.left,
      training && secondsLeft !== undefined && Number.isFinite(secondsLeft)
        ? words.seconds(secondsLeft)
        : '–',
    ],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
