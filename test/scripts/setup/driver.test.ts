import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseDeb822, parseOneLine, parsePolicy } from '../../../scripts/setup/apt.mjs';
import {
  commandLines,
  ensureAdapter,
  parseOsRelease,
  planDriver,
} from '../../../scripts/setup/driver.mjs';
import {
  adapterKey,
  isVerified,
  probeAdapter,
  rememberVerified,
} from '../../../scripts/setup/probe.mjs';
import { DEB822, POLICY } from './debian.ts';

describe('the plan for a driver', () => {
  const facts = {
    platform: 'linux',
    isRoot: true,
    os: parseOsRelease(
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
    ),
    hasApt: true,
    isUpdated: false,
    policy: parsePolicy(POLICY),
    sources: parseDeb822(DEB822),
  };
  const ubuntu = { ID: 'ubuntu', ID_LIKE: 'debian', VERSION_CODENAME: 'jammy' };
  const install = 'apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120';
  const lines = (plan: { commands: string[][] }) =>
    plan.commands.map((command) => command.join(' '));

  test('a release whose Mesa is too old: backports', () => {
    const plan = planDriver(facts);
    expect(plan.allowed).toBe(true);
    expect(plan.source?.path).toBe('/etc/apt/sources.list.d/wigbert-backports.sources');
    expect(lines(plan)).toEqual([
      'apt-get update',
      `${install} -t bookworm-backports mesa-vulkan-drivers libvulkan1`,
    ]);
  });

  test('lists that are fresh: only the new source is fetched', () => {
    const [update] = lines(planDriver({ ...facts, isUpdated: true }));
    expect(update).toMatch(
      /^apt-get update -o Dir::Etc::SourceList=\S+wigbert-backports\.sources -o .*SourceParts=- /,
    );
  });

  test('backports that are configured already: no file is written', () => {
    const configured = parseOneLine('deb http://mirror.example/debian bookworm-backports main');
    const plan = planDriver({
      ...facts,
      isUpdated: true,
      sources: [...facts.sources, ...configured],
    });
    expect(plan.source).toBeUndefined();
    expect(lines(plan)).toEqual([
      `${install} -t bookworm-backports mesa-vulkan-drivers libvulkan1`,
    ]);
  });

  test('a release whose Mesa is new enough: its own', () => {
    const plan = planDriver({
      ...facts,
      os: ubuntu,
      policy: { candidate: '23.2.1-1ubuntu3.1~22.04.4' },
    });
    expect(lines(plan)).toEqual(['apt-get update', `${install} mesa-vulkan-drivers libvulkan1`]);
    expect(plan.source).toBeUndefined();
  });

  test('an Ubuntu whose Mesa is too old: nothing to run', () => {
    const plan = planDriver({ ...facts, os: ubuntu, policy: { candidate: '22.0.1-1ubuntu2' } });
    expect(plan).toEqual({
      reason:
        "this release's Mesa 22.0.1-1ubuntu2 is older than 23.2: " +
        "this system's updates or its next release may have it",
      allowed: false,
      commands: [],
    });
  });

  test('an installed Mesa that is new enough is not installed again', () => {
    const plan = planDriver({ ...facts, policy: { installed: '25.0.7-2', candidate: '25.0.7-2' } });
    expect(plan).toMatchObject({ allowed: false, commands: [] });
  });

  test('not root: the same commands, to be typed', () => {
    const plan = planDriver({ ...facts, isRoot: false });
    expect(plan.allowed).toBe(false);
    expect(
      commandLines(plan, false),
    ).toBe(`sudo tee /etc/apt/sources.list.d/wigbert-backports.sources <<'END'
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/archive.gpg
END
sudo apt-get update
sudo ${install} -t bookworm-backports mesa-vulkan-drivers libvulkan1`);
  });

  test('other systems: the command of their package manager, if known', () => {
    const noApt = { ...facts, hasApt: false, policy: {} };
    const fedora = planDriver({ ...noApt, os: { ID: 'rocky', ID_LIKE: 'rhel centos fedora' } });
    expect(commandLines(fedora, false)).toBe('sudo dnf install mesa-vulkan-drivers vulkan-loader');
    const suse = planDriver({ ...noApt, os: { ID: 'opensuse-leap', ID_LIKE: 'suse opensuse' } });
    expect(commandLines(suse, true)).toBe('zypper install libvulkan_lvp libvulkan1');
    expect(planDriver({ ...noApt, os: {} })).toMatchObject({ allowed: false, commands: [] });
    expect(planDriver({ ...noApt, platform: 'darwin', os: {} })).toMatchObject({
      allowed: false,
      commands: [],
    });
  });
});

describe('on a machine', () => {
  const adapter = { vendor: 'mesa', description: 'llvmpipe', isSoftware: true };
  let folder: string;
  let said: string[];
  let ran: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wigbert-setup-'));
    mkdirSync(join(folder, 'node_modules'));
    mkdirSync(join(folder, 'etc', 'apt', 'sources.list.d'), { recursive: true });
    writeFileSync(join(folder, 'etc', 'os-release'), 'ID=debian\nVERSION_CODENAME="bookworm"\n');
    writeFileSync(join(folder, 'etc', 'apt', 'sources.list.d', 'debian.sources'), DEB822);
    said = [];
    ran = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A Debian 12 that has an adapter after the driver is installed, if `installs`. */
  const machine = ({
    isRoot = true,
    installs = true,
    hasLists = true,
    etc = join(folder, 'etc'),
  } = {}) => ({
    platform: 'linux',
    isRoot,
    etc,
    run: ([name, verb, ...rest]: string[]) => {
      ran.push(`${name} ${verb}${rest.includes('-t') ? ' -t' : ''}`);
      if (verb === 'policy') {
        const known = hasLists || ran.includes('apt-get update');
        return { ok: true, output: known ? POLICY : 'mesa-vulkan-drivers:\n  Candidate: (none)\n' };
      }
      return {
        ok: installs || verb === 'update',
        output: 'W: slow\nE: Unable to fetch some archives\n',
      };
    },
    probe: () => (installs && ran.includes('apt-get install -t') ? adapter : undefined),
  });
  const say = (line: string) => said.push(line);
  const written = () => readdirSync(join(folder, 'etc', 'apt', 'sources.list.d'));

  test('installs a driver, says so, and does nothing the next time', () => {
    ensureAdapter(folder, say, machine());
    expect(ran).toEqual(['apt-cache policy', 'apt-get update', 'apt-get install -t']);
    expect(written()).toContain('wigbert-backports.sources');
    expect(said).toEqual([
      expect.stringMatching(/^no WebGPU adapter \(.*22\.3\.6.* older.*\): installing/),
      'WebGPU adapter: llvmpipe (software: runs on the CPU)',
    ]);
    said = [];
    ran = [];
    ensureAdapter(folder, say, machine());
    expect([...said, ...ran]).toEqual([]);
  });

  test('fetches missing package lists', () => {
    ensureAdapter(folder, say, machine({ hasLists: false }));
    expect(ran[1]).toBe('apt-get update');
    expect(ran.at(-1)).toBe('apt-get install -t');
    expect(isVerified(folder)).toBe(true);
  });

  test('a failed installation removes its source, prints commands, and is retried later', () => {
    ensureAdapter(folder, say, machine({ installs: false }));
    expect(written()).toEqual(['debian.sources']);
    expect(said[1]).toContain('E: Unable to fetch some archives');
    expect(said[1]).toContain('The wasm device will be used.');
    expect(said[2]).toContain('\napt-get update\n');
    expect(isVerified(folder)).toBe(false);
  });

  test('without root nothing is changed', () => {
    ensureAdapter(folder, say, machine({ isRoot: false }));
    expect(ran).toEqual(['apt-cache policy']);
    expect(written()).toEqual(['debian.sources']);
    expect(said[1]).toContain('sudo apt-get update');
  });

  test('a source that cannot be written is no crash', () => {
    const etc = join(folder, 'etc');
    rmSync(join(etc, 'apt', 'sources.list.d'), { recursive: true });
    writeFileSync(
      join(etc, 'apt', 'sources.list'),
      'deb http://mirror.example/debian bookworm main\n',
    );
    ensureAdapter(folder, say, machine());
    expect(said[1]).toContain('wigbert-backports.sources could not be written');
  });

  test('what was verified no longer holds when the drivers or the packages change', () => {
    const icds = join(folder, 'vulkan', 'icd.d');
    mkdirSync(icds, { recursive: true });
    const env = { XDG_DATA_HOME: folder };
    const before = adapterKey(folder, env);
    expect(adapterKey(folder, env)).toBe(before);
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    const withLock = adapterKey(folder, env);
    expect(withLock).not.toBe(before);
    if (process.platform === 'linux') {
      writeFileSync(join(icds, 'lvp_icd.json'), '{}');
      expect(adapterKey(folder, env)).not.toBe(withLock);
    }
    rememberVerified(folder, adapter);
    expect(isVerified(folder)).toBe(true);
    writeFileSync(join(folder, 'package-lock.json'), '{"packages":{}}');
    expect(isVerified(folder)).toBe(false);
  });

  test('a probe that crashes, hangs, or says something else finds no adapter', () => {
    expect(probeAdapter(folder, `process.stdout.write('{"vendor":"x"}')`)).toEqual({ vendor: 'x' });
    expect(probeAdapter(folder, `process.stdout.write('null')`)).toBeUndefined();
    expect(
      probeAdapter(folder, `process.stdout.write('{"vendor":"x"}'); process.exitCode = 1`),
    ).toBeUndefined();
    expect(probeAdapter(folder, 'process.abort()')).toBeUndefined();
    expect(probeAdapter(folder, 'setInterval(() => {}, 1000)', 300)).toBeUndefined();
    expect(probeAdapter(folder, `import 'not-installed'`)).toBeUndefined();
  });
});
