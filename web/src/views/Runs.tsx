import { useEffect, useState } from 'preact/hooks';
import { listRuns, removeRun, showRun } from '../actions/runs.ts';
import { call } from '../client.ts';
import type { Chart, Run } from '../engine/protocol.ts';
import { attempt, isTraining, useStore, useWords } from '../store.ts';
import { Charts, Head, Legend, metricText } from './parts.tsx';

export function Runs() {
  const words = useWords();
  const { run, runs: listed } = useStore();
  useEffect(() => {
    listRuns();
  }, [run?.id, run?.status]);
  // How far the one that trains is now.
  const runs = listed.map((each) => (each.id === run?.id ? run : each));
  const [chosen, setChosen] = useState<number[]>([]);
  // The third takes the place of the first; what was deleted takes none.
  const toggle = (id: number) => {
    const there = chosen.filter((each) => runs.some((run) => run.id === each));
    setChosen(there.includes(id) ? there.filter((each) => each !== id) : [...there, id].slice(-2));
  };
  const compared = runs.filter(({ id }) => chosen.includes(id)).reverse();
  return (
    <section class="wide" aria-labelledby="runs">
      <h1 id="runs">{words.runs.title}</h1>
      <p class="lede">{words.runs.lede}</p>
      {runs.length === 0 ? (
        <p class="quiet">{words.runs.none}</p>
      ) : (
        <RunTable {...{ runs, chosen, toggle }} />
      )}
      {compared.length > 0 && <Comparison runs={compared} />}
    </section>
  );
}

interface TableProps {
  runs: readonly Run[];
  chosen: readonly number[];
  toggle: (id: number) => void;
}

function RunTable({ runs, ...rest }: TableProps) {
  const words = useWords();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label={words.runs.table}>
      <table class="runs">
        <Head columns={words.runs.columns} />
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.id} run={run} {...rest} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function RunRow({ run, chosen, toggle }: Omit<TableProps, 'runs'> & { run: Run }) {
  const words = useWords();
  const state = useStore();
  const { id, name, parent, status, step, totalSteps, best, settings, device } = run;
  const busy = isTraining(state);
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          aria-label={words.runs.select(id)}
          checked={chosen.includes(id)}
          onChange={() => toggle(id)}
        />
      </td>
      <th scope="row">
        {id}
        {parent && <span class="quiet"> {words.runs.from(parent)}</span>}
      </th>
      <td>
        <bdi>{name}</bdi>
      </td>
      <td>{words.runs.states[status]}</td>
      <td class="number">{totalSteps ? `${step} / ${totalSteps}` : '–'}</td>
      <td class="number">{best ? metricText(best, words) : '–'}</td>
      <td class="number">{settings.epochs}</td>
      <td class="number">{settings.learningRate}</td>
      <td>{device?.kind ?? '–'}</td>
      <td class="row-buttons">
        <button
          type="button"
          aria-label={`${words.runs.open}: ${words.runs.run(id)}`}
          disabled={busy}
          onClick={() => showRun(run)}
        >
          {words.runs.open}
        </button>
        <button
          type="button"
          aria-label={`${words.runs.remove}: ${words.runs.run(id)}`}
          disabled={busy}
          onClick={() => confirm(words.runs.sure(id)) && removeRun(id)}
        >
          {words.runs.remove}
        </button>
      </td>
    </tr>
  );
}

function Comparison({ runs }: { runs: readonly Run[] }) {
  const words = useWords();
  return (
    <div class="comparison">
      {runs.map((run) => (
        <article key={run.id}>
          <h2>{words.runs.run(run.id)}</h2>
          <RunFacts run={run} others={runs.filter((other) => other !== run)} />
          <RunCharts id={run.id} />
        </article>
      ))}
      <Legend />
    </div>
  );
}

/** Settings of a run; those that differ from the other one's stand out. */
function RunFacts({ run, others }: { run: Run; others: readonly Run[] }) {
  const words = useWords();
  const factsOf = ({ name, base, settings, train, valid, best, device }: Run) => [
    [words.data.title, name],
    [words.data.base, base.name],
    [words.train.epochs, `${settings.epochs}`],
    [words.train.rate, `${settings.learningRate}`],
    [words.train.batch, `${settings.batchSize}`],
    [words.train.longest, `${settings.maxLength}`],
    [words.train.title, words.data.texts(train)],
    [words.train.legend[2], words.data.texts(valid)],
    [words.device.choose, device?.kind ?? '–'],
    [words.runs.columns[5], best ? metricText(best, words) : '–'],
  ];
  const other = others.map(factsOf)[0];
  return (
    <dl class="facts">
      {factsOf(run).map(([name, value], i) => (
        <div key={name} class={other && other[i][1] !== value ? 'differs' : undefined}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function RunCharts({ id }: { id: number }) {
  const [charts, setCharts] = useState<Chart[]>([]);
  useEffect(() => {
    attempt(async () => setCharts(await call('charts', id)));
  }, [id]);
  return <Charts charts={charts} />;
}
