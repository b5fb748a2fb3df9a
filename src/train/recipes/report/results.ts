/** The parts of the page that say how good a model is. */
import type { TaskName } from '../../tasks/task.ts';
import type { WorstExample } from '../assess.ts';
import { calibrationPicture, scatterPicture } from './charts.ts';
import { decimal, fileName, metricTitle, metricValue, percent, whole } from './figures.ts';
import { given, type Html, html, picture, section, table } from './html.ts';
import type { ReportEvaluation, RunReport } from './runReport.ts';

const right = (title: string) => ({ title, right: true }) as const;

/** All metrics on the validation data. */
export function metricsPart(
  { examples, loss, metrics, calibration }: ReportEvaluation,
  task?: TaskName,
): Html {
  const rows = Object.entries(metrics).map(([name, value]) => [
    metricTitle(name, task),
    metricValue(name, value),
  ]);
  rows.unshift(['loss', decimal(loss)]);
  if (calibration) rows.push(['calibration error', decimal(calibration.error)]);
  return section(
    'Validation',
    table(`The model that was kept, on ${whole(examples)} examples`, ['', right('value')], rows),
  );
}

/** Labels up to which a table of confusions can be read. */
const MAX_LABELS = 20;
/** Labels up to which it fits beside another. */
const MAX_NARROW_LABELS = 4;
/** Confusions that are listed of more labels. */
const MAX_CONFUSIONS = 20;

/** Which label was taken for which. */
export function confusionPart(
  { confusion }: ReportEvaluation,
  labels: readonly string[],
): Html | undefined {
  if (!confusion) return undefined;
  const content =
    labels.length <= MAX_LABELS
      ? confusionTable(confusion, labels)
      : confusionList(confusion, labels);
  return section('Confusion', content);
}

function confusionTable(confusion: readonly number[][], labels: readonly string[]): Html {
  const caption = 'Rows are true labels, columns predicted ones; shares are of a row';
  const rows = confusion.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, j) => {
      const share = total === 0 ? 0 : count / total;
      const color = i === j ? 'var(--shade)' : 'var(--wrong)';
      const mixed = `color-mix(in srgb, ${color} ${Math.round(45 * share)}%, transparent)`;
      return html`<td style="background: ${mixed}">${whole(count)}
<small>${percent(share)}</small></td>`;
    });
    return html`<tr><th scope="row">${given(labels[i], 60)}</th>${cells}
<td class="number">${whole(total)}</td></tr>\n`;
  });
  const names = labels.map((label) => html`<th scope="col">${given(label, 60)}</th>`);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Confusion">
<table class="confusion"><caption>${caption}</caption>
<thead><tr><td></td>${names}<th scope="col">all</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function confusionList(confusion: readonly number[][], labels: readonly string[]): Html {
  const pairs = confusion.flatMap((row, i) =>
    row.flatMap((count, j) => (i !== j && count > 0 ? [{ i, j, count }] : [])),
  );
  pairs.sort((a, b) => b.count - a.count);
  const rows = pairs
    .slice(0, MAX_CONFUSIONS)
    .map(({ i, j, count }) => [given(labels[i], 60), given(labels[j], 60), whole(count)]);
  if (rows.length === 0) return html`<p>No label was taken for another.</p>`;
  return table(
    `The most frequent confusions of ${labels.length} labels`,
    ['true label', 'predicted', right('texts')],
    rows,
  );
}

/** Precision, recall and F1 of each label or type. */
export function labelsPart({ perLabel, thresholds }: ReportEvaluation, task?: TaskName) {
  if (!perLabel || Object.keys(perLabel).length === 0) return undefined;
  const isTags = task === 'token-classification';
  const rows = Object.entries(perLabel).map(([label, scores]) => [
    given(label, 60),
    ...[scores.precision, scores.recall, scores.f1].map(decimal),
    whole(scores.support),
    ...(thresholds ? [decimal(thresholds[label])] : []),
  ]);
  const columns = [
    isTags ? 'entity or tag' : 'label',
    ...['precision', 'recall', 'F1', 'support'].map(right),
    ...(thresholds ? [right('threshold')] : []),
  ];
  const caption = thresholds
    ? "At a probability of 0.5; predictions use each label's threshold, that of the best F1"
    : 'Support is how often it occurs';
  return section(isTags ? 'Each entity' : 'Each label', table(caption, columns, rows));
}

/** Whether probabilities mean what they say. */
export function calibrationPart({ calibration }: ReportEvaluation): Html | undefined {
  if (!calibration) return undefined;
  const { error, bins, temperature, scaledError, scaledBins } = calibration;
  const before = `as the model gives them: error ${decimal(error)}`;
  const after =
    scaledBins && `with temperature ${temperature!.toFixed(3)}: error ${decimal(scaledError!)}`;
  const figure = (of: typeof bins, caption: string) => html`<figure>
${picture(calibrationPicture(of, `Calibration ${caption}`))}
<figcaption>${caption}</figcaption></figure>`;
  return section(
    'Calibration',
    html`<p>Of predictions with a probability of 80 %, about 80 % should be right: bars that end on
the dashed line. The error is the mean distance from it, over 15 bins. A temperature is fitted on
these examples, and <code>--calibrated</code> divides logits by it; labels stay the same.</p>
<div class="row">${figure(bins, before)}${scaledBins && figure(scaledBins, after!)}</div>`,
  );
}

/** True and predicted scores of a regression. */
export function scatterPart({ points, examples }: ReportEvaluation): Html | undefined {
  if (!points || points.length === 0) return undefined;
  const shown =
    points.length < examples
      ? `${whole(points.length)} of ${whole(examples)} validation examples`
      : `${whole(examples)} validation examples`;
  return section(
    'Scores',
    html`<figure>${picture(scatterPicture(points, 'True and predicted scores'))}
<figcaption>${shown}; on the dashed line, both scores are equal</figcaption></figure>`,
  );
}

/** The texts of the highest loss. */
export function worstPart({ worst }: ReportEvaluation): Html | undefined {
  if (worst.length === 0) return undefined;
  return section(
    'Most wrong',
    html`<p class="note">The validation texts with the highest loss. Wrong labels in the data are
often among them.</p><ol class="texts">${worst.map(worstItem)}</ol>`,
  );
}

function worstItem(worst: WorstExample): Html {
  const { file, line, text, pair, label, predicted, probability, loss } = worst;
  const none = html`<i>none</i>`;
  const name = (names: string) => (names === '' ? none : given(names, 300));
  const isWrong = label !== predicted;
  const says =
    label === '' && predicted === ''
      ? html`all right`
      : html`true <b>${name(label)}</b>, predicted
<b${isWrong && html` class="wrong"`}>${name(predicted)}</b>`;
  const sure = probability === undefined ? '' : ` (${percent(probability)})`;
  return html`<li><q>${given(text)}</q>${pair !== undefined && html`<q>${given(pair)}</q>`}
<p>${says}${sure} · loss ${decimal(loss)} ·
${file !== undefined && html`${given(fileName(file), 60)}, `}line\u00a0${line}</p></li>\n`;
}

/** All that a run found out on its validation data. */
export function resultParts({
  evaluation,
  labels = [],
  task,
}: RunReport): (Html | undefined | false)[] {
  if (!evaluation) return [];
  const ofLabels = labelsPart(evaluation, task);
  const beside = confusionPart(evaluation, labels) ?? scatterPart(evaluation) ?? ofLabels;
  const isWide = labels.length > MAX_NARROW_LABELS && evaluation.confusion !== undefined;
  return [
    isWide
      ? html`${metricsPart(evaluation, task)}${beside}`
      : html`<div class="pair">${metricsPart(evaluation, task)}${beside}</div>`,
    beside !== ofLabels && ofLabels,
    calibrationPart(evaluation),
    worstPart(evaluation),
  ];
}
