import { useEffect } from 'preact/hooks';
import { useUnloadWarning } from '../../unloadWarning.ts';
import { useStore, useWords, type View } from '../store.ts';
import { Bench } from './Bench.tsx';
import { DataStep } from './DataStep.tsx';
import { Header } from './Header.tsx';
import { Runs } from './Runs.tsx';
import { TakeStep } from './TakeStep.tsx';
import { TrainStep } from './TrainStep.tsx';
import { TryStep } from './TryStep.tsx';

export function App() {
  const { view, problem, answers, keepsNothing } = useStore();
  const words = useWords();
  useUnloadWarning(answers.length > 0);
  useEffect(() => {
    document.documentElement.lang = words.tag;
    document.title = `wigbert · ${words.title}`;
  }, [words]);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads into the page; addresses name views */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')!.focus();
        }}
      >
        {words.skip}
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {keepsNothing ? (
          <p class="problem" role="alert">
            {words.noFiles}
          </p>
        ) : (
          <ViewOf view={view} />
        )}
      </main>
    </>
  );
}

function ViewOf({ view }: { view: View }) {
  if (view === 'runs') return <Runs />;
  return view === 'bench' ? <Bench /> : <Steps />;
}

function Steps() {
  const words = useWords();
  return (
    <>
      <div class="opening">
        <h1>{words.title}</h1>
        <p class="lede">{words.lede}</p>
      </div>
      <DataStep />
      <TrainStep />
      <TryStep />
      <TakeStep />
    </>
  );
}
