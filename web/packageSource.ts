import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('..', import.meta.url));

/** The entries of the package, by name, as files of src, in the form that browsers take. */
export const packageSource = [
  ...Object.entries(packageJson.exports).flatMap(([name, target]) => {
    if (typeof target === 'string') return [];
    const replacement = target.default.replace('./dist/', root).replace(/\.js$/, '.ts');
    return [{ find: new RegExp(`^${name.replace('.', 'wigbert')}$`), replacement }];
  }),
  { find: '#platform', replacement: `${root}src/platform/browser.ts` },
];
