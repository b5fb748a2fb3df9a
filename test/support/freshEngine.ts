/**
 * Runs before each file of tests that share a process: the engine is as if it was just loaded, and
 * what the files import from here is loaded anew.
 */
import { vi } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { manualSeed, setDevice } from '../../src/tensor/index.ts';

setDevice(new CpuDevice());
manualSeed(0);
vi.restoreAllMocks();
vi.unstubAllEnvs();
vi.unstubAllGlobals();
vi.resetModules();
