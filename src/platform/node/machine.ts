import { cpus } from 'node:os';

/** Value of an environment variable; undefined if it is not set. */
export const environmentVariable = (name: string): string | undefined => process.env[name];

/** What the processor is called. */
export const processorName = (): string => cpus()[0]?.model ?? 'unknown processor';
