import { useEffect, useState } from 'preact/hooks';
import type { Engine } from './engine.ts';
import { ModelForm } from './form.tsx';
import type { Correction, ModelInfo } from './protocol.ts';
import { type Language, languages } from './words.ts';

/** An open model. */
export interface OpenModel {
  engine: Engine;
  info: ModelInfo;
  corrections: Correction[];
}

const { documentElement } = document;

/** That of the page, or the reader's if the page is for any. */
const firstLanguage = (): Language => {
  const isAny = documentElement.dataset.any !== undefined;
  return (isAny ? navigator.language : documentElement.lang).startsWith('ko') ? 'ko' : 'en';
};

interface Props {
  opening: Promise<OpenModel>;
  template: string;
}

/** The page: shows the form of a model once it is open. */
export function App({ opening, template }: Props) {
  const [language, setLanguage] = useState(firstLanguage);
  const [model, setModel] = useState<OpenModel>();
  const [error, setError] = useState<string>();
  const { words } = languages[language];
  documentElement.lang = language;

  useEffect(() => {
    opening.then(setModel, ({ message }) => setError(message));
  }, []);

  return (
    <>
      <header>
        <h1>{document.title}</h1>
        <nav aria-label="Language / 언어">
          {Object.entries(languages).map(([code, { name }]) => (
            <button
              type="button"
              lang={code}
              aria-pressed={code === language}
              onClick={() => setLanguage(code as Language)}
            >
              {name}
            </button>
          ))}
        </nav>
        <p>{words.about}</p>
      </header>
      <main>
        {error !== undefined && <p role="alert">{words.failed(error)}</p>}
        {!model && error === undefined && <p role="status">{words.opening}</p>}
        {model && <ModelForm model={model} template={template} language={language} />}
      </main>
      <footer>{words.madeWith}</footer>
    </>
  );
}
