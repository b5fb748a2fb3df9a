/**
 * Reads apt's package sources (in both formats) and the version it offers, and writes the backports
 * source for releases whose Mesa is too old. Formats: sources.list(5) and apt-cache(8).
 */

/**
 * One entry of apt's sources. `options` keeps all other fields, in deb822 spelling.
 * @typedef {{
 *   types: string[], uris: string[], suites: string[], components: string[], enabled: boolean,
 *   options: [name: string, value: string][],
 * }} Source
 */

/** Options with different names in the one-line format and in deb822. */
const ONE_LINE_NAMES = /** @type {Record<string, string>} */ ({
  arch: 'Architectures',
  lang: 'Languages',
  target: 'Targets',
  pdiffs: 'PDiffs',
});

/** @param {string} value */
const words = (value) => value.split(/\s+/).filter(Boolean);

/** @param {string} name 'signed-by' becomes 'Signed-By' */
const fieldName = (name) =>
  ONE_LINE_NAMES[name] ??
  name.replace(/(^|-)([a-z])/g, (_, dash, letter) => dash + letter.toUpperCase());

/**
 * Reads the stanzas of a deb822 `.sources` file. A value keeps its continuation lines: a key inside
 * Signed-By needs them.
 * @param {string} text
 * @returns {Source[]}
 */
export function parseDeb822(text) {
  const lines = text.split(/\r?\n/).filter((line) => !line.startsWith('#'));
  const stanzas = lines.join('\n').split(/\n(?:[ \t]*\n)+/);
  return stanzas.flatMap((stanza) => {
    /** @type {[string, string][]} */
    const fields = [];
    for (const line of stanza.split('\n')) {
      const field = /^([^\s:]+):[ \t]*(.*)$/.exec(line);
      if (field) fields.push([field[1], field[2].trimEnd()]);
      else if (/^[ \t]/.test(line) && fields.length)
        fields[fields.length - 1][1] += `\n${line.trimEnd()}`;
    }
    if (!fields.length) return [];
    /** @param {string} name */
    const take = (name) => {
      const at = fields.findIndex(([key]) => key.toLowerCase() === name);
      return at < 0 ? '' : fields.splice(at, 1)[0][1];
    };
    return {
      types: words(take('types')),
      uris: words(take('uris')),
      suites: words(take('suites')),
      components: words(take('components')),
      enabled: !/^(no|false|without|off|disable|0)$/i.test(take('enabled')),
      options: fields,
    };
  });
}

/**
 * Reads an old `sources.list`: `deb [option=value …] uri suite component…`, one source per line.
 * @param {string} text
 * @returns {Source[]}
 */
export function parseOneLine(text) {
  return text.split(/\r?\n/).flatMap((line) => {
    const source = /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!source) return [];
    const [, type, options = '', uri, suite, components] = source;
    return {
      types: [type],
      uris: [uri],
      suites: [suite],
      components: words(components),
      enabled: true,
      options: words(options).flatMap((option) => {
        const [, name, change, value] = /^([^=]+?)([+-]?)=(.*)$/.exec(option) ?? [];
        if (!name) return [];
        const suffix = change === '+' ? '-Add' : change === '-' ? '-Remove' : '';
        return [[fieldName(name.toLowerCase()) + suffix, value.replaceAll(',', ' ')]];
      }),
    };
  });
}

/**
 * The source of a release's backports. It is derived from the source of the release itself, so that
 * the machine's mirror, proxy and key stay in use.
 * @param {Source[]} sources
 * @param {string} codename of the release, such as 'bookworm'
 * @returns {string | undefined} a deb822 file, empty if backports are configured already; undefined
 *   if no source serves the release
 */
export function backports(sources, codename) {
  const suite = `${codename}-backports`;
  const binary = sources.filter(({ enabled, types, components }) => {
    return enabled && types.includes('deb') && components.includes('main');
  });
  if (binary.some(({ suites }) => suites.includes(suite))) return '';

  // Other publishers also name suites after the release, but only the archive serves its updates.
  const withUpdates = new Set(
    binary.flatMap(({ suites, uris }) => (suites.includes(`${codename}-updates`) ? uris : [])),
  );
  const ofRelease = binary.filter(({ suites, uris }) => {
    return suites.includes(codename) && !uris.some((uri) => uri.startsWith('cdrom:'));
  });
  const archive =
    ofRelease.find(({ uris }) => uris.some((uri) => withUpdates.has(uri))) ?? ofRelease[0];
  if (!archive) return undefined;
  const fields = [
    ['Types', 'deb'],
    ['URIs', archive.uris.join(' ')],
    ['Suites', suite],
    ['Components', 'main'],
    ...archive.options,
  ];
  return fields.map(([name, value]) => `${name}: ${value}\n`).join('');
}

/**
 * Reads `apt-cache policy PACKAGE` (in the C locale).
 * @param {string} text
 * @returns {{ installed?: string, candidate?: string }}
 */
export function parsePolicy(text) {
  /** @param {string} name */
  const version = (name) => {
    const value = new RegExp(`^\\s*${name}: (\\S+)`, 'm').exec(text)?.[1];
    return value === '(none)' ? undefined : value;
  };
  return { installed: version('Installed'), candidate: version('Candidate') };
}

/**
 * Whether a Debian version, such as '1:25.0.7-2~bpo12+1', is at least `major.minor`.
 * @param {string} version
 * @param {string} least
 */
export function atLeast(version, least) {
  const numbers = /** @param {string} text */ (text) => {
    const [, major, minor] = /^(?:\d+:)?(\d+)(?:\.(\d+))?/.exec(text) ?? [];
    return [Number(major ?? -1), Number(minor ?? 0)];
  };
  const [major, minor] = numbers(version);
  const [leastMajor, leastMinor] = numbers(least);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
