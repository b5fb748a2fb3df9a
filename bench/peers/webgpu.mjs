/**
 * Gives libraries written for browsers what they look for there: `navigator.gpu`, through Dawn (npm
 * `webgpu`).
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';

/** jax-js reads `navigator.userAgent` on any path; Node 20 has no navigator. */
export function provideNavigator() {
  if (typeof navigator !== 'undefined') return;
  const value = { userAgent: 'node', hardwareConcurrency: availableParallelism() };
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true });
}

/** Installs `navigator.gpu`. @returns a function that says which adapter devices were asked of. */
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

/**
 * The version of an installed package; its own exports may hide its package.json, so it is looked
 * for by folder.
 */
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
