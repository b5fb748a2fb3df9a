/**
 * Finds the texts that are nearest to a query by the cosine of their vectors:
 * `node dist/examples/search.js MODEL TEXTS.txt 'a query'`. The model is a folder that
 * `wigbert train --task similarity` or sentence-transformers wrote; any other BERT will do, less
 * well. The file has a text a line.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { useDevice } from 'wigbert';
import { FeatureExtractionPipeline } from 'wigbert/train';

/** A text and the cosine of its vector and the query's. */
export interface Hit {
  text: string;
  score: number;
}

/** Texts that are embedded once and searched often. */
export class Index {
  readonly #pipeline: FeatureExtractionPipeline;
  readonly #texts: readonly string[];
  readonly #vectors: readonly Float32Array[];

  private constructor(
    pipeline: FeatureExtractionPipeline,
    texts: readonly string[],
    vectors: readonly Float32Array[],
  ) {
    this.#pipeline = pipeline;
    this.#texts = texts;
    this.#vectors = vectors;
  }

  static async of(model: string, texts: readonly string[]): Promise<Index> {
    const pipeline = await FeatureExtractionPipeline.fromPretrained(model);
    return new Index(pipeline, texts, (await pipeline.predict(texts)).map(unit));
  }

  /** The nearest texts, the nearest first. */
  async search(query: string, count = 5): Promise<Hit[]> {
    const [vector] = (await this.#pipeline.predict([query])).map(unit);
    const hits = this.#vectors.map((each, i) => {
      return { text: this.#texts[i], score: each.reduce((sum, x, j) => sum + x * vector[j], 0) };
    });
    return hits.sort((a, b) => b.score - a.score).slice(0, count);
  }
}

/** A vector of length 1. */
function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((x) => x / length);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [model, file, query] = process.argv.slice(2);
  const device = await useDevice('auto');
  const texts = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const index = await Index.of(model, texts);
  for (const { text, score } of await index.search(query))
    console.log(`${score.toFixed(4)}\t${text}`);
  device.destroy();
}
