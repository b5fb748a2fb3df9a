import { useWords } from '../store.ts';

export function Bench() {
  const words = useWords();
  return (
    <section class="wide" aria-labelledby="bench">
      <h1 id="bench">{words.bench.title}</h1>
      <p class="lede">{words.bench.lede}</p>
    </section>
  );
}
