import { describe, expect, it } from 'vitest';
import { ensureBrowser } from '../../../scripts/setup/browser.mjs';

/** A machine on which some commands work; what is said and run. */
function on(works: string[], { isRoot = true, chromePath = '' } = {}) {
  const [said, ran]: [string[], string[]] = [[], []];
  const run = (command: string[]) => {
    ran.push(command.join(' '));
    return { ok: works.some((start) => command.join(' ').startsWith(start)), output: '' };
  };
  ensureBrowser((line: string) => said.push(line), { isRoot, chromePath, run });
  return { said: said.join('\n'), installs: ran.filter((line) => line.includes('install -y')) };
}

describe('ensureBrowser', () => {
  it.each([
    ['chromium', ['which chromium']],
    ['Chrome', ['which google-chrome']],
  ])('is silent with %s', (_, works) => {
    expect(on(works)).toEqual({ said: '', installs: [] });
  });

  it('takes the browser of CHROME_PATH', () => {
    expect(on([], { chromePath: '/opt/chrome' })).toEqual({ said: '', installs: [] });
  });

  it('installs Chromium with apt', () => {
    const { said, installs } = on(['apt-get']);
    expect(installs).toEqual(['apt-get install -y --no-install-recommends chromium']);
    expect(said).toMatch(/^installing Chromium/);
  });

  it('says so when it cannot', () => {
    expect(on(['apt-get --version']).said).toContain('could not be installed');
    expect(on(['apt-get'], { isRoot: false }).said).toContain('sudo apt-get install');
    expect(on([]).said).toContain('no apt');
  });
});
