import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { type Collective, local } from '../../../src/train/distributed/collective.ts';
import {
  destroyProcessGroup,
  setProcessGroup,
} from '../../../src/train/distributed/processGroup.ts';
import { RunFolder } from '../../../src/train/recipes/runFolder.ts';

const root = mkdtempSync(join(tmpdir(), 'wigbert-run-folder-'));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(destroyProcessGroup);

it.each([0, 1])('rank %d meets the others before and after a folder is opened', async (rank) => {
  const out = join(root, `${rank}`);
  const leftover = join(out, 'checkpoint-3.7-0123456789ab.tmp');
  mkdirSync(leftover, { recursive: true });
  const found: boolean[] = [];
  const group: Collective = {
    ...local,
    ...{ rank, size: 2 },
    barrier: () => void found.push(existsSync(leftover) && readdirSync(out).length === 1),
  };
  setProcessGroup(group, () => {});
  const folder = new RunFolder(out);
  await folder.open();
  await folder.open();
  expect(found).toEqual([true, rank === 1]);
  await folder.close();
});
