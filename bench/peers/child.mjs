/** A worker process, seen from the parent. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Milliseconds to wait for an answer: preparing takes minutes with a cold shader cache. */
const LONGEST = 15 * 60_000;

export class Child {
  #process;
  #errors = '';
  /** Resolves the pending request. */
  #settle = () => {};
  /** Why it failed; undefined while it works. */
  failed;

  /** @param peer one of `peers`. */
  constructor({ worker, path }) {
    const file = fileURLToPath(new URL(`workers/${worker}.mjs`, import.meta.url));
    // Libraries print greetings and warnings; only the last line of a worker that dies is shown.
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

  /** Sends a request. @returns the answer, { cannot } when there is none. */
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
