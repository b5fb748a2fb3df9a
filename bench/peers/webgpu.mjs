/** Gives libraries written for browsers a `navigator.gpu`, through Dawn (npm `webgpu`). */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';

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
