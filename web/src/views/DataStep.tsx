import { useState } from 'preact/hooks';
import type { CheckDataResult } from 'wigbert/train';
import { formatPercent } from '../../../src/platform/format.ts';
import { changeColumns, giveFiles, useSample, useShippedModel } from '../actions/data.ts';
import type { CheckedSet, DataSet, PageTask } from '../engine/protocol.ts';
import { isTraining, useStore, useWords } from '../store.ts';
import { chosenFiles, droppedFiles } from './drop.ts';
import { HubModel } from './HubModel.tsx';
import { Bar, Choice, FileButton, Head, Step } from './parts.tsx';

export function DataStep() {
  const words = useWords();
  const { data, reading } = useStore();
  return (
    <Step number={1} title={words.data.title} lede={words.data.lede}>
      <DropArea />
      <div class="data" aria-live="polite" aria-busy={reading}>
        {reading && <p class="quiet">{words.data.reading}</p>}
        {data && !reading && <Summary data={data} />}
      </div>
      <BaseModelLine />
    </Step>
  );
}

function DropArea() {
  const words = useWords();
  const [over, setOver] = useState(false);
  const state = useStore();
  const give = (files: File[]) => giveFiles(chosenFiles(files));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons do the same by keyboard
    <div
      class={over ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (event.dataTransfer && !isTraining(state)) giveFiles(droppedFiles(event.dataTransfer));
      }}
    >
      <p class="drop-title">{words.data.drop}</p>
      <p class="quiet">{words.data.formats}</p>
      <fieldset class="buttons" disabled={isTraining(state)}>
        <FileButton onFiles={give}>{words.data.file}</FileButton>
        <FileButton folder onFiles={give}>
          {words.data.folder}
        </FileButton>
        {state.data && state.data.set.id !== 0 && (
          <button type="button" onClick={useSample}>
            {words.data.sample}
          </button>
        )}
      </fieldset>
    </div>
  );
}

function Summary({ data: { set, check, error } }: { data: CheckedSet }) {
  const words = useWords();
  const file = check?.files[0];
  return (
    <>
      <p class="summary">
        <strong>
          <bdi>{set.name}</bdi>
        </strong>
        {set.id === 0 && <span class="quiet"> · {words.data.isSample}</span>}
        {file && <span> · {words.data.texts(file.rows)}</span>}
      </p>
      {error && (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      {check && <Labels check={check} />}
      {check && <Problems check={check} />}
      <details>
        <summary>{words.data.columns}</summary>
        <ColumnChoices set={set} />
        <Preview set={set} />
      </details>
    </>
  );
}

/** Labels that are shown one by one. */
const MOST_LABELS = 8;

function Labels({ check }: { check: CheckDataResult }) {
  const words = useWords();
  const { labels = [], scores, lengths } = check.files[0];
  const { median, max } = lengths;
  return (
    <>
      {scores && <p>{words.data.scores(scores.min, scores.max)}</p>}
      {!scores && (
        <ul class="bars" aria-label={words.data.labels}>
          {labels.slice(0, MOST_LABELS).map(({ label, share }) => (
            <Bar key={label} name={label} share={share} value={formatPercent(share)} />
          ))}
        </ul>
      )}
      {labels.length > MOST_LABELS && (
        <p class="quiet">{words.data.more(labels.length - MOST_LABELS)}</p>
      )}
      <p class="quiet">{words.data.length(median, max)}</p>
    </>
  );
}

function Problems({ check: { problems } }: { check: CheckDataResult }) {
  const words = useWords();
  if (problems.length === 0) return <p class="fine">{words.data.fine}</p>;
  return (
    <ul class="problems">
      {problems.map(({ kind, count, of }) => (
        <li key={kind}>{words.problems[kind](count, of)}</li>
      ))}
    </ul>
  );
}

const tasks: PageTask[] = ['classification', 'multi-label', 'regression'];

function ColumnChoices({ set }: { set: DataSet }) {
  const words = useWords();
  const { chosen, columns } = set;
  const disabled = isTraining(useStore());
  const all = columns.map((value) => ({ value, name: value }));
  const withNone = [{ value: '', name: words.data.none }, ...all];
  return (
    <div class="fields">
      <Choice
        {...{ label: words.data.text, value: chosen.textColumn ?? '', options: all, disabled }}
        onChange={(textColumn) => changeColumns({ textColumn })}
      />
      <Choice
        {...{ label: words.data.pair, value: chosen.pairColumn ?? '', options: withNone, disabled }}
        onChange={(name) => changeColumns({ pairColumn: name || undefined })}
      />
      {!chosen.labelColumns && (
        <Choice
          {...{ label: words.data.label, value: chosen.labelColumn ?? '', options: all, disabled }}
          onChange={(labelColumn) => changeColumns({ labelColumn })}
        />
      )}
      <Choice
        label={words.data.task}
        value={chosen.task}
        options={tasks.map((value) => ({ value, name: words.data.tasks[value] }))}
        disabled={disabled || chosen.labelColumns !== undefined}
        onChange={(task) => changeColumns({ task })}
      />
    </div>
  );
}

function Preview({ set: { columns, preview } }: { set: DataSet }) {
  const words = useWords();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label={words.data.preview}>
      <table>
        <caption>{words.data.preview}</caption>
        <Head columns={columns} />
        <tbody>
          {preview.map((row, i) => (
            <tr key={i}>
              {columns.map((name) => (
                <td key={name}>
                  <bdi>{row[name]}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function BaseModelLine() {
  const words = useWords();
  const state = useStore();
  const { base } = state;
  const about = base?.fromHub ? words.hub.fetched : words.data.given;
  const isShipped = base?.name === 'bert-tiny-ko' && !base.fromHub;
  return (
    <div class="base">
      <h3>{words.data.base}</h3>
      <p>{base ? (isShipped ? words.data.shipped : about)(base.name) : words.data.reading}</p>
      {isShipped && <p class="quiet">{words.data.baseHint}</p>}
      {base && !isShipped && (
        <button type="button" disabled={isTraining(state)} onClick={useShippedModel}>
          {words.data.useShipped}
        </button>
      )}
      <HubModel />
    </div>
  );
}
