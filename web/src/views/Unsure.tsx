import { useRef, useState } from 'preact/hooks';
import { call } from '../client.ts';
import type { Judged } from '../engine/protocol.ts';
import { act, useStore, useWords } from '../store.ts';
import { answerTo, guessOf, LabelInput, Text } from './answers.tsx';
import { FileButton } from './parts.tsx';

/** Texts that are asked about at a time. */
const AT_ONCE = 10;

/** Texts without labels, the most doubtful first. */
export function Unsure() {
  const words = useWords();
  const { run, answers } = useStore();
  const [judged, setJudged] = useState<Judged[]>();
  const [skipped, setSkipped] = useState(new Set<number>());
  const loads = useRef(0);
  // What was asked for last is shown, whatever takes longest.
  const load = (file?: File) =>
    act(async () => {
      const turn = ++loads.current;
      const found = await call('unlabelled', run!.id, file);
      if (turn !== loads.current) return;
      setSkipped(new Set());
      setJudged(found);
    });
  const isScore = run!.task === 'regression';
  const open = (judged ?? []).filter(({ id }) => !skipped.has(id)).slice(0, AT_ONCE);
  return (
    <section class="part" aria-labelledby="unsure">
      <h3 id="unsure">{isScore ? words.try.unscored : words.try.unsure}</h3>
      <p class="quiet">{isScore ? words.try.unscoredLede : words.try.unsureLede}</p>
      <div class="buttons">
        <FileButton onFiles={([file]) => file && load(file)}>{words.try.unsureFile}</FileButton>
        {run!.set.id === 0 && (
          <button type="button" onClick={() => load()}>
            {words.try.unsureSample}
          </button>
        )}
      </div>
      {judged && open.length === 0 && <p>{words.try.noMore}</p>}
      <ol class="questions">
        {open.map((each) => (
          <li key={each.id} class={answerTo(each, answers) ? 'corrected' : undefined}>
            <p>
              <Text judged={each} />
            </p>
            <div class="answer">
              <span class="quiet">
                {words.try.guess}: {guessOf(each, run!.task)}
              </span>
              <LabelInput judged={each} />
              <button type="button" onClick={() => setSkipped(new Set([...skipped, each.id]))}>
                {words.try.skip}
              </button>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
