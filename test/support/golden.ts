import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const shared = fileURLToPath(new URL('../../../shared', import.meta.url));

/** Reference answers of PyTorch and Hugging Face are beside the repository, not in it. */
export const hasGolden = existsSync(`${shared}golden`);
export const hasData = existsSync(`${shared}data/nsmc`);

export const goldenPath = (path: string): string => `${shared}golden/${path}`;
export const dataPath = (path: string): string => `${shared}data/${path}`;
export const goldenText = (path: string): string => readFileSync(goldenPath(path), 'utf8');

if (!hasGolden)
  console.warn('no reference answers (../shared/golden): the tests that need them are skipped');
