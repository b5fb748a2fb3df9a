import { useEffect, useRef, useState } from 'preact/hooks';
import { formatPercent } from '../../../src/platform/format.ts';
import { learn } from '../actions/runs.ts';
import { call } from '../client.ts';
import type { Judged } from '../engine/protocol.ts';
import { attempt, hasModel, isBusy, useStore, useWords } from '../store.ts';
import { Mistakes } from './Mistakes.tsx';
import { Bar, Step } from './parts.tsx';
import { Unsure } from './Unsure.tsx';

export function TryStep() {
  const words = useWords();
  const state = useStore();
  return (
    <Step number={3} title={words.try.title} lede={words.try.lede}>
      {hasModel(state) ? (
        <>
          <TextForm key={state.run!.id} />
          <Mistakes key={`mistakes ${state.run!.id} ${state.run!.step}`} />
          <Unsure key={`unsure ${state.run!.id} ${state.run!.step}`} />
          <LearnBar />
        </>
      ) : (
        <p class="quiet">{words.try.notYet}</p>
      )}
    </Step>
  );
}

/** Milliseconds without a key after which a text is judged. */
const PAUSE = 120;

function TextForm() {
  const words = useWords();
  const { run } = useStore();
  const [text, setText] = useState('');
  const [pair, setPair] = useState('');
  const [judged, setJudged] = useState<Judged>();
  const takesPair = run!.set.chosen.pairColumn !== undefined;
  const shown = text || words.try.placeholder;
  const latest = useRef(0);
  useEffect(() => {
    const turn = ++latest.current;
    const timer = setTimeout(
      () =>
        attempt(async () => {
          const [result] = await call('predict', run!.id, [takesPair ? [shown, pair] : shown]);
          if (turn === latest.current) setJudged(result);
        }),
      PAUSE,
    );
    return () => clearTimeout(timer);
  }, [shown, pair, run!.id, run!.step, takesPair]);
  return (
    <div class="try">
      <label class="field">
        <span>{words.try.text}</span>
        <textarea
          rows={2}
          value={text}
          placeholder={words.try.placeholder}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {takesPair && (
        <label class="field">
          <span>{words.try.pair}</span>
          <textarea rows={2} value={pair} onInput={(event) => setPair(event.currentTarget.value)} />
        </label>
      )}
      <Scores judged={judged} />
    </div>
  );
}

function Scores({ judged }: { judged?: Judged }) {
  const words = useWords();
  const { run } = useStore();
  const scores = judged?.scores ?? Object.fromEntries(run!.labels.map((label) => [label, 0]));
  if (run!.task === 'regression')
    return (
      <p class="score" aria-live="polite">
        <span class="quiet">{words.data.tasks.regression}</span>{' '}
        {judged ? Object.values(judged.scores)[0].toFixed(3) : '–'}
      </p>
    );
  return (
    <ul class="bars" aria-label={words.try.result} aria-live="polite">
      {Object.entries(scores).map(([label, value]) => (
        <Bar key={label} name={label} share={value} value={formatPercent(value)} />
      ))}
    </ul>
  );
}

function LearnBar() {
  const words = useWords();
  const state = useStore();
  const count = state.answers.length;
  return (
    <div class={count > 0 ? 'learn some' : 'learn'}>
      <button type="button" class="primary" disabled={count === 0 || isBusy(state)} onClick={learn}>
        {words.try.learn}
      </button>
      <span role="status">{words.try.answers(count)}</span>
    </div>
  );
}
