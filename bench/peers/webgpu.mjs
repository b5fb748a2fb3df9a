/** Gives libraries written for browsers a `navigator.gpu`, through Dawn (npm `webgpu`). */
import { resolveObjectURL } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker as Thread } from 'node:worker_threads';

/** jax-js reads `navigator.userAgent` on any path; Node 20 has no navigator. */
export function provideNavigator() {
  if (typeof navigator !== 'undefined') return;
  const value = { userAgent: 'node', hardwareConcurrency: availableParallelism() };
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true });
}

/** Installs `navigator.gpu`. @returns a function that returns the adapter in use. */
export async function provideWebGPU() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  provideNavigator();
  Object.defineProperty(navigator, 'gpu', { value: create([]), configurable: true });
  let adapter = 'none';
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = function (...args) {
    const { description, vendor, architecture } = this.info;
    adapter = description || [vendor, architecture].filter(Boolean).join(' ');
    return requestDevice.apply(this, args);
  };
  return () => adapter;
}

/** Installs a global `Worker` as browsers have it, for the pool of jax-js: a script in a thread. */
export function provideWorker() {
  globalThis.Worker = class {
    #started;
    constructor(url) {
      this.#started = resolveObjectURL(String(url))
        .text()
        .then((source) => {
          const thread = new Thread(`${AS_IN_BROWSERS}\n${source}`, { eval: true });
          thread.on('message', (data) => this.onmessage?.({ data }));
          thread.on('error', (error) => this.onerror?.(error));
          thread.unref();
          return thread;
        });
    }
    postMessage(data) {
      this.#started.then((thread) => thread.postMessage(data));
    }
  };
}

const AS_IN_BROWSERS = `
const { parentPort } = require('node:worker_threads');
const self = globalThis;
const postMessage = (data) => parentPort.postMessage(data);
parentPort.on('message', (data) => self.onmessage({ data }));`;

/** The version of an installed package, read by folder: its exports may hide package.json. */
export function versionOf(name) {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}
