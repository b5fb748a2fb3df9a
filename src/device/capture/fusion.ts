import type { Binding, DeviceBuffer } from '../device.ts';
import type { Kernel, Link, ParamTypes, ParamValues, Part } from '../kernel.ts';

/** A launch as it was asked for. */
export interface Request {
  kernel: Kernel;
  buffers: Readonly<Record<string, Binding>>;
  part: Part<ParamValues<ParamTypes>>;
}

/** Links of a joined launch: enough for any chain that people write, little enough to be compiled soon. */
const MOST = 128;

/**
 * Joins launches that follow each other and do each element by itself: what one makes and the next takes stays in a
 * register. Results are the same, bit for bit.
 * @param isTemporary whether nobody looks at a buffer but these requests
 * @param mostBuffers that one launch may bind
 */
export function joinElementwise(
  requests: readonly Request[],
  isTemporary: (buffer: DeviceBuffer) => boolean,
  mostBuffers: number,
): Request[] {
  const lastUse = new Map<DeviceBuffer, number>();
  for (const [i, { buffers }] of requests.entries()) {
    for (const { buffer } of Object.values(buffers)) lastUse.set(buffer, i);
  }
  const isWanted = (buffer: DeviceBuffer, after: number) =>
    !isTemporary(buffer) || lastUse.get(buffer)! > after;
  const done: Request[] = [];
  let chain: Chain | undefined;
  const end = () => {
    if (chain) done.push(...chain.request());
    chain = undefined;
  };
  for (const [i, request] of requests.entries()) {
    const count = countOf(request);
    if (count === undefined) {
      end();
      done.push(request);
      continue;
    }
    if (!chain?.takes(request, count, i, mostBuffers)) {
      end();
      chain = new Chain(count, isWanted);
    }
    chain.add(request, i);
  }
  end();
  return done;
}

/** Elements of a launch that may be joined with others. */
function countOf({ kernel, part }: Request): number | undefined {
  // Windows of one buffer are not told apart here.
  if (Object.keys(part.starts).length > 0) return undefined;
  return kernel.elementwise?.count(part.params) || undefined;
}

/** Launches that are being joined. */
class Chain {
  readonly #count: number;
  readonly #isWanted: (buffer: DeviceBuffer, after: number) => boolean;
  readonly #requests: Request[] = [];
  /** What is read from memory, and which link made what. */
  readonly #inputs: Binding[] = [];
  readonly #made = new Map<DeviceBuffer, { link: number; offset: number }>();
  readonly #reads: Link['reads'][] = [];
  #last = -1;

  constructor(count: number, isWanted: (buffer: DeviceBuffer, after: number) => boolean) {
    this.#count = count;
    this.#isWanted = isWanted;
  }

  /** Whether request number `at` can be the next link: as long as the others, and no buffer both read and written by one launch. */
  takes(
    { buffers: { out, ...read } }: Request,
    count: number,
    at: number,
    mostBuffers: number,
  ): boolean {
    if (count !== this.#count || this.#requests.length === MOST) return false;
    const fresh = Object.values(read).filter(({ buffer }) => !this.#made.has(buffer));
    const isInput = (buffer: DeviceBuffer) =>
      [...this.#inputs, ...fresh].some((input) => input.buffer === buffer);
    const moved = Object.values(read).some(
      ({ buffer, offset }) => (this.#made.get(buffer)?.offset ?? offset) !== offset,
    );
    if (moved || this.#made.has(out.buffer) || isInput(out.buffer)) return false;
    const stored = [...this.#made.keys()].filter((buffer) => this.#isWanted(buffer, at)).length + 1;
    const inputs = this.#inputs.length + fresh.filter((one) => this.#inputOf(one) < 0).length;
    return inputs + stored <= mostBuffers;
  }

  add(request: Request, at: number): void {
    const { out, ...read } = request.buffers;
    const reads: Record<string, Link['reads'][string]> = {};
    for (const [name, binding] of Object.entries(read)) {
      const made = this.#made.get(binding.buffer);
      if (made) {
        reads[name] = { link: made.link };
        continue;
      }
      const known = this.#inputOf(binding);
      reads[name] = { input: known < 0 ? this.#inputs.push(binding) - 1 : known };
    }
    this.#made.set(out.buffer, { link: this.#requests.length, offset: out.offset });
    this.#requests.push(request);
    this.#reads.push(reads);
    this.#last = at;
  }

  /** The joined launch; none where nobody wants what it makes. */
  request(): Request[] {
    if (this.#requests.length === 1) return this.#requests;
    const buffers: Record<string, Binding> = Object.fromEntries(
      this.#inputs.map((binding, i) => [`in${i}`, binding]),
    );
    const links = this.#requests.map(({ kernel, part, buffers: { out } }, i): Link => {
      const stored = this.#isWanted(out.buffer, this.#last);
      if (stored) buffers[`out${i}`] = out;
      return { kernel, params: part.params, reads: this.#reads[i], stored };
    });
    if (!links.some(({ stored }) => stored)) return [];
    const { kernel, params } = links[0].kernel.elementwise!.join(links);
    return [{ kernel, buffers, part: { params, starts: {} } }];
  }

  #inputOf({ buffer, offset }: Binding): number {
    return this.#inputs.findIndex((input) => input.buffer === buffer && input.offset === offset);
  }
}
