/** The parts of the page that say what a run was: its data, its time, its options. */
import { lengthsPicture } from './charts.ts';
import { checkTable } from './dataCheck.ts';
import { counted, decimal, duration, fileName, percent, whole } from './figures.ts';
import { given, type Html, html, picture, section, table } from './html.ts';
import type { ReportProfile } from './reportProfile.ts';
import type { RunReport } from './runReport.ts';

const right = (title: string) => ({ title, right: true }) as const;

/** Labels that are listed. */
const MAX_LABELS = 100;

/** What the run learned from. */
export function dataPart({ data }: RunReport): Html {
  const { train, valid, trainExamples, validExamples, skipped = 0, cut = 0 } = data;
  const { labels, lengths, check } = data;
  const files = train.map((path, i) => html`${i > 0 && ', '}<code>${given(fileName(path))}</code>`);
  const held = valid === undefined ? 'held out' : html`in <code>${given(fileName(valid))}</code>`;
  const notes = [
    ...(skipped > 0 ? [`${counted(skipped, 'broken row was', 'broken rows were')} skipped.`] : []),
    ...(cut > 0 ? [`${counted(cut, 'text is', 'texts are')} longer, and cut.`] : []),
  ];
  return section(
    'Data',
    html`<p>${files}: ${counted(trainExamples, 'example')} to train on,
${whole(validExamples)} ${held} to validate with. ${notes.join(' ')}</p>
<div class="row">${labels && labelTable(labels)}
${
  lengths &&
  html`<figure>${picture(lengthsPicture(lengths, 'Lengths of the texts'))}
<figcaption>the longest has ${counted(lengths.longest, 'token')}</figcaption></figure>`
}</div>${check && checkTable(check)}`,
  );
}

function labelTable(labels: NonNullable<RunReport['data']['labels']>): Html {
  const total = labels.reduce((sum, { train }) => sum + train, 0);
  const rows = labels
    .slice(0, MAX_LABELS)
    .map(({ label, train, valid }) => [
      given(label, 60),
      whole(train),
      percent(total === 0 ? 0 : train / total),
      whole(valid),
    ]);
  const more = labels.length - rows.length;
  return html`<div>${table(
    'How often each label occurs',
    ['label', right('train'), right('share'), right('validation')],
    rows,
  )}${more > 0 && html`<p class="note">and ${more} more</p>`}</div>`;
}

/** How long the run took. */
export function timePart({ time, profile, device }: RunReport): Html {
  const { seconds, firstStep, steps } = time;
  const done = steps - firstStep;
  const part = firstStep === 0 ? '' : ` after step ${whole(firstStep)}, where it was resumed`;
  const each = done > 0 ? `, ${decimal(seconds / done)} s a step, evaluations included` : '';
  return section(
    'Time',
    html`<p>${duration(seconds)} for ${counted(done, 'step')}${part}${each}, on
${given(device.adapter)} (${device.kind}).</p>${profile && profileTable(profile)}`,
  );
}

function profileTable({ kernels, seconds, wallSeconds }: ReportProfile): Html {
  const rate = (value: number) => (value > 0 ? value.toPrecision(3) : '–');
  const rows = kernels.map((kernel) => [
    html`${kernel.kernel}${kernel.variant && html` <small>${kernel.variant}</small>`}`,
    whole(kernel.launches),
    (1e3 * kernel.seconds).toFixed(2),
    percent(kernel.share),
    rate(kernel.flops / kernel.seconds / 1e9),
    rate(kernel.bytes / kernel.seconds / 1e9),
    kernel.ofPeak ? `${percent(kernel.ofPeak.share)} of ${kernel.ofPeak.bound}` : '–',
  ]);
  const columns = ['launches', 'ms', 'share', 'GFLOP/s', 'GB/s', 'of the peak'].map(right);
  const caption =
    `Kernels took ${duration(seconds)} of ${duration(wallSeconds)} since the device was opened; ` +
    'the rest is JavaScript and waiting';
  return table(caption, ['kernel', ...columns], rows);
}

/** How to run it once more. */
export function setupPart(report: RunReport): Html {
  const { command, settings, model, version, device } = report;
  const rows = Object.entries(settings)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => [
      name,
      html`<code>${given(typeof value === 'string' ? value : JSON.stringify(value))}</code>`,
    ]);
  const trained =
    model.trained < model.parameters ? `, ${whole(model.trained)} of them trained` : '';
  return section(
    'Set-up',
    command !== undefined && html`<pre>${given(command, 4000)}</pre>`,
    html`<p>${model.architecture}: ${counted(model.layers, 'layer')} × ${whole(model.hiddenSize)},
${counted(model.heads, 'head')}, a vocabulary of ${whole(model.vocabulary)},
${whole(model.parameters)} parameters${trained}.
${version !== undefined && `wigbert ${version}, `}${given(device.adapter)}
(${device.kind}).</p>`,
    table('Options', ['option', 'value'], rows),
  );
}
