/** Shows a value in a one-line message: strings and objects as JSON, cut when long. */
export function formatValue(value: unknown, limit = 80): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > limit ? `${value.slice(0, limit)}…` : value);
  const text = typeof value === 'object' ? stringifyObject(value) : String(value);
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function stringifyObject(value: object | null): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'a value without end';
  }
}

/** `hiddenSize` → `hidden_size`; a name with a capital first (`LayerNorm`) stays. */
export const snakeCase = (name: string): string =>
  /^[A-Z]/.test(name) ? name : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Whether a value is a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first names of a list, and how many more there are. */
export function formatNames(names: readonly string[], limit = 8): string {
  const some = names.slice(0, limit).join(', ');
  return names.length > limit ? `${some} and ${names.length - limit} more` : some;
}
