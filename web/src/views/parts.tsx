import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { formatMetric } from '../../../src/train/tasks/metric.ts';
import type { Chart, Run } from '../engine/protocol.ts';
import { useWords } from '../store.ts';
import type { Words } from '../words/index.ts';

/** One of the numbered steps down the page. */
export function Step({
  number,
  title,
  lede,
  children,
}: {
  number: number;
  title: string;
  lede: string;
  children: ComponentChildren;
}) {
  const id = `step-${number}`;
  return (
    <section class="step" aria-labelledby={id}>
      <span class="numeral" aria-hidden="true">
        {number}
      </span>
      <div>
        <h2 id={id}>{title}</h2>
        <p class="lede">{lede}</p>
        {children}
      </div>
    </section>
  );
}

/** The words of a picture in the language of the page. */
function translated(svg: string, { chartWords, bestEpoch }: Words): string {
  return svg
    .replace(/>([a-zA-Z0-9 ]+)</g, (whole, text: string) =>
      chartWords[text] ? `>${chartWords[text]}<` : whole,
    )
    .replace(/aria-label="([a-zA-Z0-9 ]+)"/, (whole, text: string) =>
      chartWords[text] ? `aria-label="${chartWords[text]}"` : whole,
    )
    .replace(/>best: epoch (\d+)</g, (_, epoch: string) => `>${bestEpoch(epoch)}<`);
}

/** Curves side by side, in frames that keep their size. */
export function Charts({ charts }: { charts: readonly Chart[] }) {
  const words = useWords();
  return (
    <div class="charts">
      {[0, 1].map((i) => (
        <Picture key={i} chart={charts[i]} words={words} />
      ))}
    </div>
  );
}

function Picture({ chart, words }: { chart?: Chart; words: Words }) {
  const html = useMemo(
    () => ({ __html: chart ? translated(chart.svg, words) : '' }),
    [chart, words],
  );
  if (!chart) return <div class="chart empty" aria-hidden="true" />;
  // The engine draws it, and escapes texts.
  return <div class="chart" dangerouslySetInnerHTML={html} />;
}

export function Legend({ hidden = false }: { hidden?: boolean }) {
  const words = useWords();
  return (
    <ul class={hidden ? 'legend invisible' : 'legend'}>
      {words.train.legend.map((name, i) => (
        <li key={name}>
          <i class={`line-${i}`} />
          {name}
        </li>
      ))}
    </ul>
  );
}

/** A share as a bar with its name and value. */
export function Bar({ name, share, value }: { name: string; share: number; value: string }) {
  return (
    <li class="bar">
      <span class="bar-name">
        <bdi>{name}</bdi>
      </span>
      <meter min={0} max={1} value={Math.max(0, Math.min(1, share))} aria-label={name}>
        {value}
      </meter>
      <span class="bar-value">{value}</span>
    </li>
  );
}

/** The names of a table's columns; one of buttons has none. */
export const Head = ({ columns }: { columns: readonly string[] }) => (
  <thead>
    <tr>
      {columns.map((name) =>
        name ? (
          <th key={name} scope="col">
            {name}
          </th>
        ) : (
          <td key={name} />
        ),
      )}
    </tr>
  </thead>
);

export interface Option<T extends string> {
  value: T;
  name: string;
}

/** A choice among few. */
export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly Option<T>[];
  disabled?: boolean;
  onChange: (value: T) => void;
}) {
  const { label, value, options, disabled, onChange } = props;
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.value as T)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A button that asks for files. */
export function FileButton({
  children,
  folder = false,
  onFiles,
}: {
  children: ComponentChildren;
  folder?: boolean;
  onFiles: (files: File[]) => void;
}) {
  return (
    <label class="button">
      {children}
      <input
        type="file"
        class="hidden"
        multiple={folder}
        ref={(input) => void (input && folder && input.setAttribute('webkitdirectory', ''))}
        onChange={(event) => {
          const input = event.currentTarget;
          onFiles([...(input.files ?? [])]);
          input.value = '';
        }}
      />
    </label>
  );
}

/** The value of a metric for people. */
export const metricText = ({ metric, value }: NonNullable<Run['best']>, words: Words): string =>
  `${words.metrics[metric] ?? metric} ${formatMetric(metric, value)}`;
