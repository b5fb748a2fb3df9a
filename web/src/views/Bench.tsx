import { useState } from 'preact/hooks';
import { formatPercent } from '../../../src/platform/format.ts';
import { save } from '../../save.ts';
import { measure } from '../actions/device.ts';
import type { BenchResult, BenchRow } from '../engine/protocol.ts';
import { act, isBusy, useStore, useWords } from '../store.ts';
import { benchPicture } from './benchPicture.ts';
import { Bar, Head } from './parts.tsx';
import { deviceText } from './TrainStep.tsx';

export function Bench() {
  const words = useWords();
  const state = useStore();
  const { device } = state;
  const { rows, busy, result } = state.bench;
  return (
    <section class="wide" aria-labelledby="bench">
      <h1 id="bench">{words.bench.title}</h1>
      <p class="lede">{words.bench.lede}</p>
      <p>
        <span class="quiet">{words.device.label}</span> {deviceText(device, words)}
      </p>
      <div class="buttons">
        <button type="button" class="primary" disabled={!device || isBusy(state)} onClick={measure}>
          {words.bench.start}
        </button>
        {result && <Sharing result={result} />}
      </div>
      <p role="status" class="status">
        {busy ? words.bench.measuring : result && peaksText(result, words.bench)}
      </p>
      {rows.length > 0 && <BenchTable rows={rows} />}
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
    act(async () => {
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
        <Head columns={words.bench.columns} />
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
                    <Bar name={words.bench.columns[4]} share={share} value={formatPercent(share)} />
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
