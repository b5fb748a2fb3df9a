import { useState } from 'preact/hooks';
import type { TextInput } from 'wigbert/train';
import { save } from '../save.ts';
import { useUnloadWarning } from '../unloadWarning.ts';
import { AnswerView } from './answer.tsx';
import type { OpenModel } from './app.tsx';
import type { Answer, Correction, ModelInfo, RightAnswer } from './protocol.ts';
import { Teach } from './teach.tsx';
import { useAnswer } from './useAnswer.ts';
import { type Language, languages, type Words } from './words.ts';

const joined = (parts: unknown, by: string): string => [parts].flat().join(by);

interface Props {
  model: OpenModel;
  template: string;
  language: Language;
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Whether the model can learn from corrections: one answer to a text as a whole. */
const canLearn = ({ task }: ModelInfo): boolean =>
  task === 'classification' || task === 'multi-label' || task === 'regression';

/** The text to ask; undefined if there is none yet. */
function inputOf({ task, mask }: ModelInfo, text: string, second?: string): TextInput | undefined {
  if (text.trim() === '' || second?.trim() === '') return undefined;
  if (task === 'fill-mask' && text.split(mask).length !== 2) return undefined;
  return second === undefined ? text : [text, second];
}

/** Texts in, answers out; and corrections. */
export function ModelForm({ model, template, language }: Props) {
  const { engine, info } = model;
  const { words } = languages[language];
  const [text, setText] = useState('');
  const [second, setSecond] = useState<string>();
  const [version, setVersion] = useState(0);
  const [corrections, setCorrections] = useState(model.corrections);
  const [isUnsaved, setUnsaved] = useState(false);
  const { status, say, isWorking, work } = useWork();
  const input = inputOf(info, text, second);
  const { answer, error, isBusy } = useAnswer(engine, input, version);
  useUnloadWarning(isUnsaved);

  const change = (list: Correction[]) => {
    setCorrections(list);
    setUnsaved(true);
  };

  const teach = (asked: TextInput, right: RightAnswer, given: Answer) => {
    const others = corrections.filter((each) => !isSame(each.input, asked));
    const all: Correction[] = [...others, { input: asked, right }];
    change(all);
    if (given.task === 'classification' && given.labels[0] === right) {
      say((w) => w.confirmed);
      return;
    }
    work(
      (w) => w.learning,
      async () => {
        const { steps, seconds, right: learned } = await engine.learn(all);
        setVersion((before) => before + 1);
        say((w) => w.learned(learned, all.length, steps, seconds.toFixed(1)));
      },
    );
  };

  const savePage = () =>
    work(
      (w) => w.saving,
      async () => {
        const { title } = document;
        const content = await engine.save({ template, title, language, corrections });
        save(`${title}.html`, 'text/html', content);
        setUnsaved(false);
        say((w) => w.saved);
      },
    );

  const hint = info.task === 'fill-mask' ? words.typeMask(info.mask) : words.typeText;
  return (
    <>
      <section>
        <label for="text">{words.text}</label>
        <textarea id="text" rows={4} value={text} onInput={(e) => setText(e.currentTarget.value)} />
        {canLearn(info) && <SecondText words={words} text={second} onChange={setSecond} />}
      </section>
      <section aria-labelledby="answer" aria-busy={isBusy} class="answer">
        <h2 id="answer">{words.answer}</h2>
        {!input && <p class="note">{hint}</p>}
        {error !== undefined && <p role="alert">{words.failed(error)}</p>}
        {answer && <AnswerView answer={answer} words={words} />}
      </section>
      {canLearn(info) && input && answer && (
        <Teach
          key={JSON.stringify([input, version])}
          info={info}
          answer={answer}
          words={words}
          isDisabled={isWorking || isBusy}
          onTeach={(right) => teach(input, right, answer)}
        />
      )}
      <p role="status">{status(words)}</p>
      {corrections.length > 0 && (
        <Corrections {...{ words, list: corrections, isDisabled: isWorking }} onChange={change} />
      )}
      {canLearn(info) && (corrections.length > 0 || isUnsaved) && (
        <section>
          {isUnsaved && <p>{words.unsaved}</p>}
          <button type="button" class="main" disabled={isWorking} onClick={savePage}>
            {words.save}
          </button>
        </section>
      )}
    </>
  );
}

/** A line that says, in the language of the page, what is going on. */
type Message = (words: Words) => string;

/** One thing at a time that takes a while, with messages before and after it. */
function useWork() {
  const [isWorking, setWorking] = useState(false);
  const [status, setStatus] = useState<Message>(() => () => '');
  const say = (message: Message) => setStatus(() => message);
  const work = async (start: Message, body: () => Promise<void>) => {
    setWorking(true);
    say(start);
    await body().catch(({ message }) => say((w) => w.failed(message)));
    setWorking(false);
  };
  return { isWorking, status, say, work };
}

interface SecondProps {
  words: Words;
  text: string | undefined;
  onChange: (text: string | undefined) => void;
}

/** The other text of a pair, for models that were trained on pairs. */
function SecondText({ words, text, onChange }: SecondProps) {
  const isPair = text !== undefined;
  return (
    <>
      <label class="choice">
        <input
          type="checkbox"
          checked={isPair}
          onChange={(e) => onChange(e.currentTarget.checked ? '' : undefined)}
        />
        {words.pair}
      </label>
      {isPair && (
        <>
          <label for="second">{words.second}</label>
          <textarea
            id="second"
            rows={3}
            value={text}
            onInput={(e) => onChange(e.currentTarget.value)}
          />
        </>
      )}
    </>
  );
}

interface CorrectionsProps {
  words: Words;
  list: Correction[];
  isDisabled: boolean;
  onChange: (list: Correction[]) => void;
}

/** The answers that were given, from which the model goes on learning. */
function Corrections({ words, list, isDisabled, onChange }: CorrectionsProps) {
  return (
    <details>
      <summary>{words.corrections(list.length)}</summary>
      <ul class="texts">
        {list.map((each) => (
          <li key={JSON.stringify(each.input)}>
            <q>{joined(each.input, ' / ')}</q> <b>{joined(each.right, ', ') || '–'}</b>{' '}
            <button
              type="button"
              disabled={isDisabled}
              aria-label={`${words.remove}: ${joined(each.input, ' / ')}`}
              onClick={() => onChange(list.filter((other) => other !== each))}
            >
              {words.remove}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
