/** A weight's current name: the first BERTs call `weight` and `bias` of LayerNorm `gamma` and `beta`. */
export function canonicalName(name: string): string {
  return name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias');
}

/** Whether it is a buffer that old versions save beside the weights. */
export const isPositionIds = (name: string): boolean =>
  /(^|\.)embeddings\.position_ids$/.test(name);

/** How the weights of a model and those of a checkpoint fit, by name. */
export interface NameMatch {
  /** Expected name to found name. */
  mapping: Map<string, string>;
  /** Expected names that were not found. */
  missing: string[];
  /** Found names that nothing expects. */
  unexpected: string[];
}

const LM_BIAS = 'cls.predictions.bias';
/**
 * Weights that the decoder of a masked language model shares, and the second name that some
 * checkpoints give them, sometimes as the only one.
 */
const tiedNames = new Map([
  [LM_BIAS, 'cls.predictions.decoder.bias'],
  ['bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'],
]);

/**
 * Pairs the names a model expects with those a checkpoint has. Old spelling counts, and so do names
 * with or without `bert.` in front, as a model with a head or a bare `BertModel` writes them.
 * `position_ids` is neither missing nor unexpected; the same holds for second names of weights that
 * the model's decoder shares.
 */
export function matchNames(expected: Iterable<string>, found: Iterable<string>): NameMatch {
  const unmatched = new Map<string, string>();
  const unexpected: string[] = [];
  for (const name of found) {
    if (isPositionIds(name)) continue;
    if (unmatched.has(canonicalName(name))) unexpected.push(name);
    else unmatched.set(canonicalName(name), name);
  }
  const mapping = new Map<string, string>();
  const take = (wanted: string, name: string): boolean => {
    const match = unmatched.get(name);
    if (match === undefined) return false;
    unmatched.delete(name);
    mapping.set(wanted, match);
    return true;
  };
  const all = new Set(expected);
  const tiedName = (name: string) =>
    all.has(LM_BIAS) && !all.has(tiedNames.get(name)!) ? tiedNames.get(name) : undefined;
  // Exact names come first, so that a second name cannot take a weight from its owner.
  const missing = Array.from(all)
    .filter((name) => !take(name, name))
    .filter((name) => !take(name, name.startsWith('bert.') ? name.slice(5) : `bert.${name}`))
    .filter((name) => !take(name, tiedName(name) ?? name));
  for (const name of all) unmatched.delete(tiedName(name) ?? name);
  return { mapping, missing, unexpected: [...unexpected, ...unmatched.values()] };
}
