import { save } from '../../save.ts';
import { call } from '../client.ts';
import { act, useStore, useWords } from '../store.ts';
import { Step } from './parts.tsx';

export function TakeStep() {
  const words = useWords();
  const { run } = useStore();
  const { take } = words;
  const isDone = run?.status === 'done';
  const name = `wigbert-${run?.id}`;
  const things: [string, string, () => Promise<void>][] = [
    [
      take.zip,
      take.zipLede,
      async () => save(`${name}.zip`, 'application/zip', await call('zip', run!.id)),
    ],
    [
      take.report,
      take.reportLede,
      async () => save(`${name}-report.html`, 'text/html', await call('report', run!.id)),
    ],
    [
      take.page,
      take.pageLede,
      async () => save(`${name}.html`, 'text/html', await call('page', run!.id, words.tag)),
    ],
  ];
  return (
    <Step number={4} title={take.title} lede={take.lede}>
      {!isDone && <p class="quiet">{take.notYet}</p>}
      <ul class="things">
        {things.map(([title, lede, work]) => (
          <li key={title}>
            <div>
              <h3>{title}</h3>
              <p class="quiet">{lede}</p>
            </div>
            <button
              type="button"
              disabled={!isDone}
              aria-label={`${take.save}: ${title}`}
              onClick={() => act(work)}
            >
              {take.save}
            </button>
          </li>
        ))}
      </ul>
    </Step>
  );
}
