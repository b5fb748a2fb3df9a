/** A value for a one-line message: strings and objects as JSON, shortened to `limit` characters. */
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
    return 'a circular object';
  }
}

/** `hiddenSize` → `hidden_size`; a name with a capital first (`LayerNorm`) stays. */
export const snakeCase = (name: string): string =>
  /^[A-Z]/.test(name) ? name : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Whether a value is an object, but neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text from a file or a folder for a one-line message: shortened, control characters escaped. */
export const formatName = (name: string, limit = 200): string =>
  (name.length > limit ? `${name.slice(0, limit)}…` : name).replace(
    /\p{Control}/gu,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );

/** The first `limit` names of a list, and the number of the others. */
export function formatNames(names: readonly string[], limit = 8): string {
  const some = names
    .slice(0, limit)
    .map((name) => formatName(name))
    .join(', ');
  return names.length > limit ? `${some} and ${names.length - limit} more` : some;
}

/** A share for people: `12.3 %`. */
export const formatPercent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A size for people, in decimal units: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const unit = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${unit === 0 ? bytes : (bytes / 1000 ** unit).toFixed(1)} ${units[unit]}`;
}
