import type { Constants, Kernel, ParamTypes, ParamValues } from './kernel.ts';

/** Time and work of one variant of a kernel, over a profile. */
export interface KernelTime {
  kernel: string;
  /** The variant's constants, as text. */
  variant: string;
  launches: number;
  seconds: number;
  flops: number;
  /** Bytes of all buffers, each once per launch, or twice if it is read and overwritten. */
  bytes: number;
}

/** What one launch adds to the profile: its kernel, and what it computes and moves. */
export type LaunchCost = Omit<KernelTime, 'launches' | 'seconds'>;

/** The profile: one entry for each variant of each kernel. */
export class KernelTimes {
  readonly #times = new Map<string, KernelTime>();

  /** Counts a launch. The caller adds its seconds to the entry once they are known. */
  launch(cost: LaunchCost): KernelTime {
    const key = `${cost.kernel} ${cost.variant}`;
    let time = this.#times.get(key);
    if (!time)
      this.#times.set(key, (time = { ...cost, launches: 0, seconds: 0, flops: 0, bytes: 0 }));
    time.launches++;
    time.flops += cost.flops;
    time.bytes += cost.bytes;
    return time;
  }

  /** Longest first. */
  get sorted(): KernelTime[] {
    return [...this.#times.values()].sort((a, b) => b.seconds - a.seconds);
  }
}

export function costOf<T extends ParamTypes>(
  kernel: Kernel<T>,
  constants: Constants,
  params: ParamValues<T>,
): LaunchCost {
  const bufferBytes = Object.values(kernel.buffers).map(
    ({ access, size }) => (access === 'update' ? 8 : 4) * size(params),
  );
  const bytes = bufferBytes.reduce((sum, one) => sum + one, 0);
  const variant = Object.entries(constants).map(([name, value]) =>
    typeof value === 'string' ? value : `${name} ${value}`,
  );
  return {
    kernel: kernel.name,
    variant: variant.join(', '),
    flops: kernel.flops?.(params) ?? 0,
    bytes,
  };
}
