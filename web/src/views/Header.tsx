import { chooseLanguage, useStore, useWords, type View } from '../store.ts';
import { type Language, languages } from '../words/index.ts';

const views: View[] = ['train', 'runs', 'bench'];

export function Header() {
  const { view, language } = useStore();
  const words = useWords();
  return (
    <header class="top">
      <a class="mark" href="#train" lang="en">
        wigbert
      </a>
      <nav aria-label={words.nav}>
        {views.map((name) => (
          <a key={name} href={`#${name}`} aria-current={name === view ? 'page' : undefined}>
            {words.views[name]}
          </a>
        ))}
      </nav>
      <fieldset class="languages" aria-label={words.language}>
        {(Object.keys(languages) as Language[]).map((each) => (
          <button
            key={each}
            type="button"
            lang={each}
            aria-pressed={each === language}
            onClick={() => chooseLanguage(each)}
          >
            {languages[each].name}
          </button>
        ))}
      </fieldset>
    </header>
  );
}
