import { type Answer, type Judged, keyOf } from '../engine/protocol.ts';
import { getState, set, useStore, useWords } from '../store.ts';

/** What was answered about a text. */
export const answerTo = (judged: Judged, answers: readonly Answer[]): Answer | undefined =>
  answers.find((answer) => keyOf(answer) === keyOf(judged));

/** Keeps an answer, instead of an earlier one about the same text. */
export function give({ text, pair }: Judged, label: string[], score?: number): void {
  const answer: Answer = { text, ...(pair !== undefined && { pair }), label, score };
  const others = getState().answers.filter((other) => keyOf(other) !== keyOf(answer));
  set({ answers: [...others, answer] });
}

/** Buttons, boxes or a number to say what a text's label is. */
export function LabelInput({ judged }: { judged: Judged }) {
  const words = useWords();
  const { run, answers } = useStore();
  const answer = answerTo(judged, answers);
  const label = answer?.label ?? judged.label ?? [];
  if (run!.task === 'regression')
    return (
      <input
        type="number"
        step="any"
        aria-label={words.try.correct}
        value={answer?.score ?? judged.score}
        onChange={(event) => {
          const score = event.currentTarget.valueAsNumber;
          if (Number.isFinite(score)) give(judged, [], score);
        }}
      />
    );
  const isOne = run!.task === 'classification';
  const toggled = (name: string) =>
    label.includes(name) ? label.filter((each) => each !== name) : [...label, name];
  return (
    <fieldset class="label-input" aria-label={words.try.correct}>
      {run!.labels.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={label.includes(name)}
          onClick={() => give(judged, isOne ? [name] : toggled(name))}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}

/** The model's own answer, with its probability. */
export function guessOf({ scores }: Judged, task: string): string {
  const all = Object.entries(scores).sort((a, b) => b[1] - a[1]);
  if (task === 'regression') return all[0][1].toFixed(3);
  const shown = task === 'multi-label' ? all.filter(([, value]) => value > 0.5) : all.slice(0, 1);
  return shown.map(([name, value]) => `${name} ${Math.round(100 * value)} %`).join(', ') || '–';
}

export function Text({ judged: { text, pair } }: { judged: Judged }) {
  return (
    <>
      <bdi>{text}</bdi>
      {pair !== undefined && <bdi class="pair">{pair}</bdi>}
    </>
  );
}
