import { useEffect } from 'preact/hooks';
import { useStore, useWords } from '../store.ts';
import { Bench } from './Bench.tsx';
import { DataStep } from './DataStep.tsx';
import { Header } from './Header.tsx';
import { Runs } from './Runs.tsx';
import { TakeStep } from './TakeStep.tsx';
import { TrainStep } from './TrainStep.tsx';
import { TryStep } from './TryStep.tsx';

export function App() {
  const { view, problem } = useStore();
  const words = useWords();
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
        {view === 'train' && <Steps />}
        {view === 'runs' && <Runs />}
        {view === 'bench' && <Bench />}
      </main>
    </>
  );
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
