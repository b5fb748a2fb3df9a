import { describe, expect, it } from 'vitest';
import { ensureBrowser } from '../../../scripts/setup/browser.mjs';
import { machineWhere } from './machine.ts';

/** What is said and installed on a machine where some commands work. */
function on(works: string[], { isRoot = true, chromePath = '' } = {}) {
  const said: string[] = [];
  const { machine, commands } = machineWhere(works, isRoot);
  ensureBrowser((line: string) => said.push(line), { ...machine, chromePath });
  return {
    said: said.join('\n'),
    installs: commands.filter((line) => line.includes('install -y')),
  };
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
    expect(installs).toEqual([
      'apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 chromium',
    ]);
    expect(said).toMatch(/^installing chromium/);
  });

  it('says so when it cannot', () => {
    expect(on(['apt-get --version']).said).toContain('could not be installed');
    expect(on(['apt-get'], { isRoot: false }).said).toContain('sudo apt-get install');
    expect(on([]).said).toContain('no apt');
    expect(on([]).said).toContain('CHROME_PATH');
  });
});
