import { spawnSync } from 'node:child_process';
import { BROWSERS } from '../../scripts/setup/browser.mjs';

const programs = { chrome: BROWSERS, firefox: ['firefox-esr', 'firefox'] };
export type BrowserName = keyof typeof programs;

/** The path of a browser, by `CHROME_PATH` or one of its usual names; undefined without one. */
export function findBrowser(name: BrowserName = 'chrome'): string | undefined {
  if (name === 'chrome' && process.env.CHROME_PATH) return process.env.CHROME_PATH;
  const { stdout } = spawnSync('which', programs[name], { encoding: 'utf8' });
  return stdout?.split('\n')[0] || undefined;
}
