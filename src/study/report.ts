import { studyCells } from './cells.ts';
import { pretrainingTitles } from './methods.ts';
import { studyPicture } from './picture.ts';
import type { StudyResults } from './results.ts';
import type { StudySettings } from './settings.ts';
import { formatDifference, formatSpread, spread, summarise } from './summary.ts';
import { FEATURE_LR_FACTOR, MASKED } from './training.ts';

/** A study as one self-contained HTML page: results, claims and method. */
export function studyReport(results: StudyResults): string {
  const settings = results.settings as unknown as StudySettings;
  const summary = summarise(results);
  const sizes = summary.sizes.map((size) => `${size.toLocaleString('en')} rows`);
  const finished = results.cells.length;
  const { pretrainings } = settings;
  const all = studyCells(settings).length;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>wigbert study: ${html(settings.data)}</title>
<style>
body { font: 15px/1.5 sans-serif; color: #333; }
body { max-width: 1100px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { padding: 0.25em 0.9em; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
</style>
<h1>Does pre-training help?</h1>
<p>On ${html(settings.data)}, ${settings.testRows.toLocaleString('en')} rows to test with. ${
    finished < all ? `<strong>Not finished: ${finished} of ${all} runs.</strong>` : ''
  }</p>
<h2>Test accuracy</h2>
<p>In percent: mean ± standard deviation of the sample, of ${plural(settings.seeds, 'seed')}${
    settings.sizes.includes(settings.trainRows) ? '; all rows with the first seed alone' : ''
  }.</p>
${table(
  ['', ...sizes, 'parameters', 'trained'],
  summary.methods.map(({ title, accuracy, parameters, trained }) => [
    title,
    ...accuracy.map(formatSpread),
    countOf(parameters),
    countOf(trained),
  ]),
)}
${studyPicture(summary)}
<h2>The claims</h2>
<p>Difference between the first and the second in points, seed by seed (mean ± deviation), and the
number of seeds in which the first is better. A mean below its deviation says nothing.</p>
${table(
  ['claim', 'first', 'second', ...sizes],
  summary.claims.map(({ claim, better, worse, difference }) => [
    claim,
    better,
    worse,
    ...difference.map(formatDifference),
  ]),
)}
<h2>Pre-training</h2>
<p>${settings.pretrainSteps.toLocaleString('en')} steps of
${settings.batchSize} texts. All methods of a seed see the same texts in the same batches. Losses of
different tasks cannot be compared with each other. There is no dropout here, as little is seen
twice, and of the tokens ${Math.round(100 * MASKED)} % are predicted where they are masked. Fresh
weights deviate from 0 by BERT's 0.02 at a width of 768, by more where it is less.</p>
${table(
  ['', 'parameters', 'loss at the end'],
  pretrainings.map((name) => {
    const of = results.pretraining.filter((record) => record.name === name);
    const { mean } = spread(of.map(({ loss }) => loss));
    return [
      pretrainingTitles[name],
      countOf(of[0]?.parameters),
      Number.isNaN(mean) ? '–' : mean.toFixed(3),
    ];
  }),
)}
<h2>How it was made</h2>
<ul>
${methodItems(settings)}
</ul>
<details><summary>Settings</summary>
<pre>${html(JSON.stringify(results.settings, undefined, 1))}</pre></details>
</html>
`;
}

/** How the study was made, as list items. */
const methodItems = (settings: StudySettings): string => `
<li>Each seed draws its labelled rows; smaller sizes use the
first of them. All other rows give only their texts, to learn a vocabulary of
at most ${settings.vocabSize.toLocaleString('en')} entries and to pre-train on (only all rows
together include these). The test rows are the same for all.</li>
<li>All encoders have ${plural(settings.layers, 'layer')} of ${settings.hiddenSize}, with two
exceptions. Word vectors have no layers. Two directions, of Transformers or LSTMs, have that many
layers each and share embeddings and prediction head: they have more parameters and take more work
per step.</li>
<li>Fine-tuning is the same for all: ${plural(settings.epochs, 'epoch')}${
  settings.maxSteps === undefined ? '' : `, at most ${plural(settings.maxSteps, 'step')}`
}, batches of ${settings.batchSize}, a highest rate of ${settings.learningRate}. As features, the
encoder is frozen; the pooling layer and the classifier are trained at ${FEATURE_LR_FACTOR} times
that rate.</li>
<li>A text's vector is the mean of its word vectors, the last state of a causal model, the last and
the first state of two directions (of LSTMs a mean of the layers with trained weights, as ELMo has
it), or the state of [CLS] of a masked language model, which its
pre-training does not train.</li>`;

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${html(cell)}</${tag}>`).join('')}</tr>`;
  const lines = [line('th', titles), ...rows.map((row) => line('td', row))];
  return `<table>\n${lines.join('\n')}\n</table>`;
}

const countOf = (value: number | undefined): string => value?.toLocaleString('en') ?? '–';
const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const html = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char]!,
  );
