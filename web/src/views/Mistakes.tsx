import { useEffect, useState } from 'preact/hooks';
import { call } from '../client.ts';
import type { Judged } from '../engine/protocol.ts';
import { attempt, useStore, useWords } from '../store.ts';
import { answerTo, guessOf, LabelInput, Text } from './answers.tsx';
import { Head } from './parts.tsx';

/** Texts that are shown at first, and with each wish for more. */
const PAGE = 8;

/** Validation texts, the most wrong on top. */
export function Mistakes() {
  const words = useWords();
  const { run } = useStore();
  const [judged, setJudged] = useState<Judged[]>();
  const [count, setCount] = useState(PAGE);
  useEffect(() => {
    let isShown = true;
    attempt(async () => {
      const found = await call('mistakes', run!.id);
      if (isShown) setJudged(found);
    });
    return () => {
      isShown = false;
    };
  }, [run!.id]);
  const all = judged ?? [];
  return (
    <section class="part" aria-labelledby="mistakes">
      <h3 id="mistakes">{words.try.mistakes}</h3>
      <p class="quiet">{words.try.mistakesLede}</p>
      <MistakeTable rows={all.slice(0, count)} />
      {all.length > count && (
        <button type="button" onClick={() => setCount(count + 3 * PAGE)}>
          {words.data.more(all.length - count)}
        </button>
      )}
    </section>
  );
}

function MistakeTable({ rows }: { rows: readonly Judged[] }) {
  const words = useWords();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label={words.try.shows}>
      <table class="texts">
        <Head columns={[words.try.text, words.try.guess, words.try.correct]} />
        <tbody>
          {rows.map((judged) => (
            <Mistake key={judged.id} judged={judged} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Mistake({ judged }: { judged: Judged }) {
  const words = useWords();
  const { run, answers } = useStore();
  const isCorrected = answerTo(judged, answers) !== undefined;
  return (
    <tr class={isCorrected ? 'corrected' : undefined}>
      <td>
        <Text judged={judged} />
      </td>
      <td class="guess">{guessOf(judged, run!.task)}</td>
      <td>
        <LabelInput judged={judged} />
        {isCorrected && <span class="quiet"> {words.try.changed}</span>}
      </td>
    </tr>
  );
}
