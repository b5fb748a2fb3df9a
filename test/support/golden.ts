import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const shared = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** Reference answers: a folder with `ops`, `tiny-bert` and `tokenizer`. */
export class GoldenSet {
  readonly name: string;
  readonly folder: string;

  constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
  }

  path(file: string): string {
    return `${this.folder}/${file}`;
  }

  text(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }
}

/** The project's own reference answers; `test/golden/generate` writes them. */
export const ownSet = new GoldenSet(
  'own set',
  fileURLToPath(new URL('../golden/data', import.meta.url)),
);

/** A larger set may lie beside the repository. */
const largeSet = new GoldenSet('large set', `${shared}golden`);
export const hasGolden = existsSync(largeSet.folder);
export const goldenSets: GoldenSet[] = hasGolden ? [ownSet, largeSet] : [ownSet];

/** Each set with each of the devices, for `describe.each`; the titles come first. */
export const goldenCases = <D>(devices: readonly (readonly [string, D])[]) =>
  goldenSets.flatMap((set) =>
    devices.map(([name, device]) => [`${set.name}, ${name}`, set, device] as const),
  );

export const goldenPath = (path: string): string => largeSet.path(path);
export const goldenText = (path: string): string => largeSet.text(path);

export const hasData = existsSync(`${shared}data/nsmc`);
export const dataPath = (path: string): string => `${shared}data/${path}`;
