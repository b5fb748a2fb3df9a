import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { TextInput } from 'wigbert/train';
import type { Engine } from './engine.ts';
import type { Answer } from './protocol.ts';

interface Shown {
  /** The text that it is the answer to. */
  key: string;
  answer?: Answer;
  error?: string;
}

/**
 * The model's answer to a text. Only the latest text is sent: those typed meanwhile are skipped.
 * @param input undefined while there is nothing to ask
 * @param version of the model
 */
export function useAnswer(engine: Engine, input: TextInput | undefined, version: number) {
  const key = JSON.stringify([input ?? null, version]);
  const [shown, setShown] = useState<Shown>({ key: '' });
  const wanted = useRef(key);
  const isRunning = useRef(false);
  wanted.current = key;

  // Not after the next frame, as other effects: hidden pages draw none.
  useLayoutEffect(() => {
    const answer = async (asked: TextInput | null): Promise<Omit<Shown, 'key'>> => {
      if (asked === null) return {};
      return engine.predict(asked).then(
        (answer) => ({ answer }),
        ({ message }) => ({ error: message }),
      );
    };
    const run = async () => {
      isRunning.current = true;
      for (let done = ''; done !== wanted.current; ) {
        done = wanted.current;
        setShown({ key: done, ...(await answer(JSON.parse(done)[0])) });
      }
      isRunning.current = false;
    };
    if (!isRunning.current) run();
  }, [key]);

  return { ...shown, isBusy: shown.key !== key };
}
