import { en, type Words } from './en.ts';
import { ko } from './ko.ts';

export type { Words };
export const languages = { ko, en };
export type Language = keyof typeof languages;

const KEY = 'language';

/** The language that was chosen before, else the browser's. */
export function firstLanguage(): Language {
  const stored = localStorage.getItem(KEY);
  if (stored === 'ko' || stored === 'en') return stored;
  return navigator.languages.some((tag) => tag.startsWith('ko')) ? 'ko' : 'en';
}

export const rememberLanguage = (language: Language): void => localStorage.setItem(KEY, language);
