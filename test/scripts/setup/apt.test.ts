import { describe, expect, test } from 'vitest';
import {
  atLeast,
  backports,
  parseDeb822,
  parseOneLine,
  parsePolicy,
} from '../../../scripts/setup/apt.mjs';
import { DEB822, POLICY } from './debian.ts';

describe('apt sources', () => {
  test('deb822 stanzas, with comments and several values', () => {
    const [archive, security] = parseDeb822(DEB822);
    expect(archive).toEqual({
      types: ['deb', 'deb-src'],
      uris: ['http://mirror.example/debian'],
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main', 'contrib'],
      enabled: true,
      options: [['Signed-By', '/usr/share/keyrings/archive.gpg']],
    });
    expect(security).toMatchObject({ uris: ['http://mirror.example/security'], options: [] });
  });

  test('deb822 that is switched off, in other letter case, with Windows line ends', () => {
    const [source] = parseDeb822(
      'types: deb\r\nuris: http://a.example\r\nSUITES: x\r\nenabled: No\r\n',
    );
    expect(source).toMatchObject({
      types: ['deb'],
      uris: ['http://a.example'],
      suites: ['x'],
      enabled: false,
    });
  });

  test('a key written into Signed-By is kept, blank lines of it too', () => {
    const key =
      'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n' +
      ' -----END PGP PUBLIC KEY BLOCK-----';
    const text = `Types: deb\nURIs: http://a.example\nSuites: bookworm\nComponents: main\n${key}\n`;
    const found = backports(parseDeb822(text), 'bookworm') ?? '';
    expect(found).toContain('\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END');
    expect(parseDeb822(found)).toHaveLength(1);
  });

  test('one-line sources, with options and comments', () => {
    const mirror = 'http://mirror.example/debian';
    const sources = parseOneLine(`
# deb http://commented.example bookworm main
deb [ arch=amd64,arm64 signed-by=/k/a.gpg,/k/b.gpg lang-=de ] ${mirror} bookworm main contrib # note
deb-src http://mirror.example/debian bookworm main
deb http://flat.example/ ./
not a source
`);
    expect(sources).toHaveLength(3);
    expect(sources[0]).toEqual({
      types: ['deb'],
      uris: ['http://mirror.example/debian'],
      suites: ['bookworm'],
      components: ['main', 'contrib'],
      enabled: true,
      options: [
        ['Architectures', 'amd64 arm64'],
        ['Signed-By', '/k/a.gpg /k/b.gpg'],
        ['Languages-Remove', 'de'],
      ],
    });
    expect(sources[2]).toMatchObject({ suites: ['./'], components: [] });
  });
});

describe('backports', () => {
  test('derived from deb822, with its mirror and its key', () => {
    expect(backports(parseDeb822(DEB822), 'bookworm')).toBe(`Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/archive.gpg
`);
  });

  test('derived from one-line sources, with their options', () => {
    const sources = parseOneLine(
      'deb [trusted=yes check-valid-until=no] https://proxy.example/a/debian bookworm main',
    );
    expect(backports(sources, 'bookworm')).toBe(`Types: deb
URIs: https://proxy.example/a/debian
Suites: bookworm-backports
Components: main
Trusted: yes
Check-Valid-Until: no
`);
  });

  test('from the archive, not from another publisher who names suites after the release', () => {
    const sources = parseOneLine(`deb [signed-by=/k.gpg] https://tools.example/linux bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main`);
    expect(backports(sources, 'bookworm')).toContain('URIs: http://mirror.example/debian\n');
    expect(backports(sources, 'bookworm')).not.toContain('/k.gpg');
  });

  test('not again where they are configured already', () => {
    const configured = parseOneLine('deb http://mirror.example/debian bookworm-backports main');
    expect(backports([...parseDeb822(DEB822), ...configured], 'bookworm')).toBe('');
  });

  test('again where they are switched off, of sources only, or of another component', () => {
    const suite = 'URIs: http://m.example\nSuites: bookworm-backports';
    const unusable = parseDeb822(`Types: deb\n${suite}\nComponents: main\nEnabled: no

Types: deb-src\n${suite}\nComponents: main

Types: deb\n${suite}\nComponents: non-free`);
    expect(unusable).toHaveLength(3);
    expect(backports([...unusable, ...parseDeb822(DEB822)], 'bookworm')).toContain(
      'bookworm-backports',
    );
  });

  test('none where nothing serves the release', () => {
    expect(backports(parseDeb822(DEB822), 'trixie')).toBeUndefined();
    expect(backports([], 'bookworm')).toBeUndefined();
  });
});

test('versions apt offers and has', () => {
  expect(parsePolicy(POLICY)).toEqual({ installed: undefined, candidate: '22.3.6-1+deb12u2' });
  expect(parsePolicy(POLICY.replace('(none)', '1:25.0.7-2~bpo12+1')).installed).toBe(
    '1:25.0.7-2~bpo12+1',
  );
  expect(parsePolicy('')).toEqual({ installed: undefined, candidate: undefined });
});

test.each([
  ['22.3.6-1+deb12u2', false],
  ['22.0.1-1ubuntu2', false],
  ['23.1.9', false],
  ['23.2.1-1ubuntu3.1~22.04.4', true],
  ['24.0.5-1ubuntu1', true],
  ['1:25.0.7-2~bpo12+1', true],
  ['100.0', true],
  ['nonsense', false],
])('Mesa %s is at least 23.2: %s', (version, expected) => {
  expect(atLeast(version, '23.2')).toBe(expected);
});
