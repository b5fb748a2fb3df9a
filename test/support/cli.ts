import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { afterAll, expect, vi } from 'vitest';

/** Path of a file of the repository. */
export const repositoryFile = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));

// `npm test` builds first; the command line is tested as it is shipped.
export const cli = repositoryFile('dist/src/cli/main.js');
export const vocab = repositoryFile('data/vocab.txt');

export function wigbert(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/**
 * Runs a command as `wigbert` does, in this process: loading the engine is most of what a process
 * costs. Not for commands that read standard input, take signals or profile.
 */
export async function wigbertHere(args: string[]) {
  const { runCommandLine } = await import('./program.mjs');
  const written = { stdout: '', stderr: '' };
  const { argv } = process;
  const line = (...parts: unknown[]) => `${format(...parts)}\n`;
  const spies = [
    vi.spyOn(console, 'log').mockImplementation((...parts) => {
      written.stdout += line(...parts);
    }),
    vi.spyOn(console, 'error').mockImplementation((...parts) => {
      written.stderr += line(...parts);
    }),
    ...(['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text, ...rest) => {
        written[name] += text;
        // The last argument, if it is a function, is told that all is written.
        for (const last of rest) if (typeof last === 'function') (last as () => void)();
        return true;
      }),
    ),
  ];
  process.argv = [process.execPath, cli, ...args];
  process.exitCode = undefined;
  try {
    await runCommandLine(args);
    return { status: Number(process.exitCode ?? 0), ...written };
  } finally {
    process.argv = argv;
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}

/** Rows of a table of reviews that are easy to learn. */
export const rows = Array.from({ length: 40 }, (_, i) =>
  i % 2 ? `a wonderful film, number ${i}\tgood` : `a terrible film, number ${i}\tbad`,
);

/** A folder for the files of a test file, with labelled data and the options of a small model. */
export function cliFixture() {
  const dir = mkdtempSync(join(tmpdir(), 'wigbert-cli-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const file = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const data = file('data.tsv', `text\tlabel\n${rows.join('\n')}\n`);
  const config = file(
    'config.json',
    JSON.stringify({
      model_type: 'bert',
      vocab_size: 746,
      hidden_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 16,
      initializer_range: 0.2,
      max_position_embeddings: 64,
    }),
  );
  const fresh = ['--vocab', vocab, '--config', config, '--device', 'cpu'];
  /** The command that trains a fresh model on `path` until it fits. */
  const training = (path: string, out: string, ...args: string[]) => {
    const rates = ['--learning-rate', '0.01', '--batch-size', '8'];
    return ['train', path, ...fresh, '--out', out, '--epochs', '8', ...rates, ...args];
  };
  /** Trains a fresh model; returns what the command says. */
  const trainHere = (...args: Parameters<typeof training>) => wigbertHere(training(...args));
  /** A model that tells the reviews apart. */
  const trainedModel = async (): Promise<string> => {
    const model = join(dir, 'model');
    expect((await trainHere(data, model, '--quiet')).status).toBe(0);
    return model;
  };
  return { dir, file, data, config, fresh, trainHere, trainedModel };
}
