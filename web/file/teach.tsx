import { useState } from 'preact/hooks';
import type { Answer, ModelInfo, RightAnswer } from './protocol.ts';
import type { Words } from './words.ts';

interface Props {
  info: ModelInfo;
  answer: Answer;
  words: Words;
  isDisabled: boolean;
  onTeach: (right: RightAnswer) => void;
}

/** Asks for the right answer, from which the model learns. */
export function Teach(props: Props) {
  const { info, words, isDisabled } = props;
  const Choice =
    info.task === 'regression' ? Score : info.task === 'multi-label' ? Labels : OneLabel;
  return (
    <fieldset disabled={isDisabled}>
      <legend>{words.question}</legend>
      <p class="note">{words.hint}</p>
      <Choice {...props} />
    </fieldset>
  );
}

/** One click on a label. */
const OneLabel = ({ info, answer, onTeach }: Props) => (
  <div class="choices">
    {info.labels.map((label) => (
      <button
        key={label}
        type="button"
        aria-pressed={'labels' in answer && answer.labels.includes(label)}
        onClick={() => onTeach(label)}
      >
        <bdi>{label}</bdi>
      </button>
    ))}
  </div>
);

function Labels({ info, answer, words, onTeach }: Props) {
  const [chosen, setChosen] = useState('labels' in answer ? answer.labels : []);
  return (
    <div class="choices">
      {info.labels.map((label) => (
        <label key={label} class="choice">
          <input
            type="checkbox"
            checked={chosen.includes(label)}
            onChange={(e) => {
              const others = chosen.filter((each) => each !== label);
              setChosen(e.currentTarget.checked ? [...others, label] : others);
            }}
          />
          <bdi>{label}</bdi>
        </label>
      ))}
      <button type="button" onClick={() => onTeach(chosen)}>
        {words.teach}
      </button>
    </div>
  );
}

function Score({ answer, words, onTeach }: Props) {
  const [score, setScore] = useState('score' in answer ? answer.score.toFixed(3) : '');
  const isNumber = score.trim() !== '' && Number.isFinite(Number(score));
  return (
    <div class="choices">
      <label for="score">{words.rightScore}</label>
      <input
        id="score"
        type="number"
        step="any"
        value={score}
        onInput={(e) => setScore(e.currentTarget.value)}
      />
      <button type="button" disabled={!isNumber} onClick={() => onTeach(Number(score))}>
        {words.teach}
      </button>
    </div>
  );
}
