import { formatPercent } from '../../src/platform/format.ts';
import type { Answer } from './protocol.ts';
import type { Words } from './words.ts';

interface Bar {
  name: string;
  score: number;
}

/** Probabilities, the largest first. */
function Bars({ bars }: { bars: Bar[] }) {
  return (
    <ul class="bars">
      {bars.map(({ name, score }) => (
        <li key={name} data-label={name} data-score={score}>
          <bdi>{name}</bdi>
          <span class="number">{formatPercent(score)}</span>
          <span class="bar" aria-hidden="true">
            <span style={{ width: `${100 * score}%` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** What the model says to a text. */
export function AnswerView({ answer, words }: { answer: Answer; words: Words }) {
  switch (answer.task) {
    case 'regression':
      return (
        <p class="summary" aria-live="polite" data-score={answer.score}>
          {words.score} <b>{answer.score.toFixed(3)}</b>
        </p>
      );
    case 'token-classification':
      return <Tags answer={answer} words={words} />;
    case 'fill-mask': {
      const bars = answer.tokens.map(({ tokenStr, score }) => ({ name: tokenStr, score }));
      return <Bars bars={bars} />;
    }
    default: {
      const bars = Object.entries(answer.scores).map(([name, score]) => ({ name, score }));
      return (
        <>
          <p class="summary" aria-live="polite">
            <b>
              <bdi>{answer.labels.join(', ') || words.noLabel}</bdi>
            </b>
          </p>
          <Bars bars={bars.sort((a, b) => b.score - a.score)} />
        </>
      );
    }
  }
}

type TagsProps = { answer: Extract<Answer, { task: 'token-classification' }>; words: Words };

/** The words of a text with their tags. */
function Tags({ answer, words }: TagsProps) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{words.token}</th>
          <th scope="col">{words.tag}</th>
          <th scope="col">{words.probability}</th>
        </tr>
      </thead>
      <tbody>
        {answer.words.map(({ word, entity, score, start }) => (
          <tr key={start} data-label={entity} data-score={score}>
            <td>{word}</td>
            <td>{entity === 'O' ? entity : <b>{entity}</b>}</td>
            <td class="number">{formatPercent(score)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
