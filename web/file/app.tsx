import { useEffect, useState } from 'preact/hooks';
import { type Engine, startEngine } from './engine.ts';
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
  engine: string;
  files: Record<string, string>;
  template: string;
}

/** The page: opens the model, and shows its form. */
export function App({ engine, files, template }: Props) {
  const [language, setLanguage] = useState(firstLanguage);
  const [model, setModel] = useState<OpenModel>();
  const [error, setError] = useState<string>();
  const { words } = languages[language];
  documentElement.lang = language;

  useEffect(() => {
    const open = async () => {
      const started = await startEngine(engine);
      setModel({ engine: started, ...(await started.open(files)) });
    };
    open().catch(({ message }) => setError(message));
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
