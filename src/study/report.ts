import { methods, pretrainings, pretrainingTitles } from './methods.ts';
import { studyPicture } from './picture.ts';
import type { StudyResults } from './results.ts';
import { FEATURE_LR_FACTOR, type StudySettings } from './study.ts';
import { formatDifference, formatSpread, spread, summarise } from './summary.ts';

/** A study as one HTML page that needs nothing else: what was found, what it says of the claims, and how it was made. */
export async function studyReport(results: StudyResults): Promise<string> {
  const settings = results.settings as unknown as StudySettings;
  const summary = summarise(results);
  const sizes = summary.sizes.map((size) => `${size.toLocaleString('en')} rows`);
  const finished = results.cells.length;
  const all = methods.length * settings.seeds * settings.sizes.length;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>wigbert study: ${html(settings.data)}</title>
<style>
body { font: 15px/1.5 sans-serif; color: #333; max-width: 1100px; margin: 2em auto; padding: 0 1em; }
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
<p>In percent: mean ± standard deviation of the sample, of ${plural(settings.seeds, 'seed')}.</p>
${table(
  ['', ...sizes, 'parameters', 'trained'],
  summary.methods.map(({ title, accuracy, parameters, trained }) => [
    title,
    ...accuracy.map(formatSpread),
    countOf(parameters),
    countOf(trained),
  ]),
)}
${await studyPicture(summary)}
<h2>The claims</h2>
<p>How many points better the first is than the second, seed by seed (mean ± deviation), and in how many of the seeds it is
better at all. Few seeds prove little: a mean smaller than its deviation says nothing.</p>
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
<p>${settings.pretrainSteps.toLocaleString('en')} steps of ${settings.batchSize} texts, the same texts in the same batches for
all of one seed. Losses of different tasks cannot be compared with each other.</p>
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
<li>Each seed draws its labelled rows; of them, the smaller sizes are the first ones. All other rows give their texts alone: to
learn a vocabulary of ${settings.vocabSize.toLocaleString('en')} entries at most, and to pre-train on. The test rows are the same for all.</li>
<li>All encoders have ${plural(settings.layers, 'layer')} of ${settings.hiddenSize}, but for the word vectors, which have none, and the two directions, which
have as many each and share embeddings and prediction head: they have more parameters and take more work a step.</li>
<li>Fine-tuning is the same for all: ${plural(settings.epochs, 'epoch')}, batches of ${settings.batchSize}, a highest rate of ${settings.learningRate}. As features, the encoder is frozen;
the pooling layer and the classifier are trained, at ${FEATURE_LR_FACTOR} times that rate. No setting was chosen by the test rows.</li>
<li>A text's vector is the mean of its word vectors, the last state of a causal model, the last and the first of two directions,
and the state of [CLS] of a masked one, which its pre-training does not train.</li>
</ul>
<details><summary>Settings</summary><pre>${html(JSON.stringify(results.settings, undefined, 1))}</pre></details>
</html>
`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${html(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>\n${[line('th', titles), ...rows.map((row) => line('td', row))].join('\n')}\n</table>`;
}

const countOf = (value: number | undefined): string => value?.toLocaleString('en') ?? '–';
const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const html = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char]!,
  );
