import { useState } from 'preact/hooks';
import { call } from '../client.ts';
import type { BenchResult, BenchRow } from '../engine/protocol.ts';
import { attempt, isTraining, set, useStore, useWords } from '../store.ts';
import { benchPicture } from './benchPicture.ts';
import { Bar, percent } from './parts.tsx';
import { save } from './save.ts';
import { deviceText } from './TrainStep.tsx';

export function Bench() {
  const words = useWords();
  const state = useStore();
  const { device, benchRows } = state;
  const [result, setResult] = useState<BenchResult>();
  const [busy, setBusy] = useState(false);
  const measure = async () => {
    setBusy(true);
    setResult(undefined);
    set({ benchRows: [] });
    await attempt(async () => setResult(await call('bench')));
    setBusy(false);
  };
  return (
    <section class="wide" aria-labelledby="bench">
      <h1 id="bench">{words.bench.title}</h1>
      <p class="lede">{words.bench.lede}</p>
      <p>
        <span class="quiet">{words.device.label}</span> {deviceText(device, words)}
      </p>
      <div class="buttons">
        <button
          type="button"
          class="primary"
          disabled={!device || busy || isTraining(state)}
          onClick={measure}
        >
          {words.bench.start}
        </button>
        {result && <Sharing result={result} />}
      </div>
      <p role="status" class="status">
        {busy ? words.bench.measuring : result && peaksText(result, words.bench)}
      </p>
      {benchRows.length > 0 && <BenchTable rows={benchRows} />}
    </section>
  );
}

const peaksText = (
  { peaks }: BenchResult,
  words: { peak: string; compute: string; copying: string },
): string =>
  `${words.peak}: ${(peaks.flops / 1e9).toFixed(0)} GFLOP/s (${words.compute}), ` +
  `${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s (${words.copying})`;

function Sharing({ result }: { result: BenchResult }) {
  const words = useWords();
  const [copied, setCopied] = useState(false);
  const copy = () =>
    attempt(async () => {
      await navigator.clipboard.writeText(JSON.stringify(result, undefined, 1));
      setCopied(true);
    });
  return (
    <>
      <button type="button" onClick={copy}>
        {copied ? words.bench.copied : words.bench.copy}
      </button>
      <button
        type="button"
        onClick={() => save('wigbert-bench.svg', 'image/svg+xml', benchPicture(result))}
      >
        {words.bench.picture}
      </button>
    </>
  );
}

function BenchTable({ rows }: { rows: readonly BenchRow[] }) {
  const words = useWords();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label={words.bench.columns[0]}>
      <table class="bench">
        <thead>
          <tr>
            {words.bench.columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, what, milliseconds, gflops, share }) => (
            <tr key={name}>
              <th scope="row">{name === 'step' ? words.bench.step : name}</th>
              <td class="quiet">{what}</td>
              <td class="number">{words.number(Number(milliseconds.toPrecision(3)))} ms</td>
              <td class="number">{gflops === null ? '–' : gflops.toPrecision(3)}</td>
              <td>
                <ul class="bars one">
                  {share !== null && (
                    <Bar name={words.bench.columns[4]} share={share} value={percent(share)} />
                  )}
                </ul>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
