/**
 * Imports a package that need not be installed. Bundlers do not see which one: it is found when the
 * program runs.
 */
export const importOptional = <T>(name: string): Promise<T> =>
  import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ name);
