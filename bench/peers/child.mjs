/** A worker process, seen from the parent. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Milliseconds to an answer. Preparing with a cold shader cache takes minutes; what takes longer
 * than this hangs.
 */
const LONGEST = 15 * 60_000;

export class Child {
  #process;
  #errors = '';
  /** Settles the request under way. */
  #settle = () => {};
  /** Why it is of no use any more; undefined while it is. */
  failed;

  /** @param peer one of `peers`. */
  constructor({ worker, path }) {
    const file = fileURLToPath(new URL(`workers/${worker}.mjs`, import.meta.url));
    // Libraries greet and warn on their own; only the last words of a worker that dies are shown.
    this.#process = fork(file, [path], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    this.#process.on('message', (answer) => this.#settle(answer));
    this.#process.on('error', (error) => this.#fail(error.message));
    this.#process.on('close', (code, signal) =>
      this.#fail(`its process ended (${signal ?? `exit code ${code}`})`),
    );
  }

  /** Waits until it is ready. @returns the answer, { ready } or { cannot }. */
  async start() {
    const answer = await this.#answer();
    if (answer.cannot) this.failed = answer.cannot;
    return answer;
  }

  /** Sends a request. @returns the answer, or { cannot } if none comes. */
  async ask(request) {
    if (this.failed) return { cannot: this.failed };
    this.#process.send(request, () => {});
    return this.#answer();
  }

  stop() {
    this.failed ??= 'stopped';
    this.#process.kill('SIGKILL');
  }

  #answer() {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#fail(`no answer in ${LONGEST / 60_000} minutes`),
        LONGEST,
      );
      this.#settle = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
    });
  }

  #fail(reason) {
    if (this.failed) return;
    const words = this.#errors.trim().split('\n').at(-1);
    this.failed = words ? `${reason}: ${words}` : reason;
    this.#process.kill('SIGKILL');
    this.#settle({ cannot: this.failed });
  }
}
