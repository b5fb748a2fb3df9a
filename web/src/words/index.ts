import { en, type Words } from './en.ts';
import { ko } from './ko.ts';

export type { Words };
export const languages = { ko, en };
export type Language = keyof typeof languages;

const KEY = 'language';

/** What was kept; some browsers refuse to keep anything, by an error or by having no store. */
function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** The language that was chosen before, else the browser's. */
export function firstLanguage(): Language {
  const chosen = stored();
  if (chosen === 'ko' || chosen === 'en') return chosen;
  return navigator.languages.some((tag) => tag.startsWith('ko')) ? 'ko' : 'en';
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // It holds for this visit.
  }
}
