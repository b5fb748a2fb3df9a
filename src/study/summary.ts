import { claims, methodsOn, type Pretraining, pretrainings } from './methods.ts';
import type { StudyResults } from './results.ts';

/** Some values of one thing, one for each seed. */
export interface Spread {
  values: number[];
  /** NaN without values. */
  mean: number;
  /**
   * Of the sample: the sum of squares is divided by one less than their number; NaN for fewer than
   * two.
   */
  deviation: number;
}

export function spread(values: number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    values,
    mean,
    deviation: values.length < 2 ? Number.NaN : Math.sqrt(squares / (values.length - 1)),
  };
}

export interface Summary {
  sizes: number[];
  /** Accuracy, for each size. */
  methods: {
    id: string;
    title: string;
    parameters?: number;
    trained?: number;
    accuracy: Spread[];
  }[];
  /** How much better the claim's first is than its second, seed by seed, for each size. */
  claims: { claim: string; better: string; worse: string; difference: Spread[] }[];
}

/** What the finished cells say. */
export function summarise({ cells, settings }: Pick<StudyResults, 'cells' | 'settings'>): Summary {
  const sizes = settings.sizes as number[];
  const methods = methodsOn((settings.pretrainings ?? pretrainings) as Pretraining[]);
  const of = (method: string, size: number) =>
    new Map(
      cells
        .filter((cell) => cell.method === method && cell.size === size)
        .map((cell) => [cell.seed, cell.accuracy]),
    );
  const titles = new Map(methods.map(({ id, title }) => [id, title]));
  return {
    sizes,
    methods: methods.map(({ id, title }) => {
      const first = cells.find(({ method }) => method === id);
      return {
        id,
        title,
        ...(first && { parameters: first.parameters, trained: first.trained }),
        accuracy: sizes.map((size) => spread([...of(id, size).values()])),
      };
    }),
    claims: claims
      .filter(({ better, worse }) => titles.has(better) && titles.has(worse))
      .map(({ claim, better, worse }) => ({
        claim,
        better: titles.get(better)!,
        worse: titles.get(worse)!,
        difference: sizes.map((size) => {
          const base = of(worse, size);
          const pairs = [...of(better, size)].filter(([seed]) => base.has(seed));
          return spread(pairs.map(([seed, accuracy]) => accuracy - base.get(seed)!));
        }),
      })),
  };
}

/** Mean ± deviation of shares, in percent. */
export function formatSpread({ mean, deviation }: Spread): string {
  if (Number.isNaN(mean)) return '–';
  const value = (100 * mean).toFixed(1);
  return Number.isNaN(deviation) ? value : `${value} ± ${(100 * deviation).toFixed(1)}`;
}

/** A difference, and in how many of the seeds it is above 0. */
export function formatDifference(difference: Spread): string {
  const { values, mean } = difference;
  if (values.length === 0) return '–';
  const better = values.filter((value) => value > 0).length;
  return `${mean > 0 ? '+' : ''}${formatSpread(difference)} (${better} of ${values.length})`;
}
