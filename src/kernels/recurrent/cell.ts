import { defineKernel, repeat, wgsl } from '../../device/kernel.ts';
import { tanhWgsl } from '../kit/mathFunctions.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';

/**
 * The element-wise part of one step of a recurrent network. The products with the weights come
 * before it: `x` holds the gates of all steps from the input, `g` those of this step from the state
 * before. A row whose sequence is over (`t` ≥ its length) keeps its state.
 */

/** What differs between cells. The texts see the names given here; the rest is the builder's. */
export interface CellSpec {
  name: string;
  gates: number;
  /** Numbers per element that the gradient needs. */
  saved: number;
  /** 1: the hidden state; 2: the cell's state too. */
  states: 1 | 2;
  /** Whether the gradients of `x` and `g` differ; if not, they are written once. */
  separate: boolean;
  /**
   * WGSL from `x0`…, `g0`… (a gate each), `h` and `c` to `newH` and `newC`, and to `s0`…, which are
   * saved.
   */
  forward: string;
  forwardReference(
    x: number[],
    g: number[],
    h: number,
    c: number,
  ): { h: number; c?: number; s: number[] };
  /**
   * WGSL from `dh`, `dc`, `s0`…, `h`, `c` (before the step) and `newC` to the gates' gradients
   * `dx0`…, and `dg0`… if they differ, to `directH`, the part of the gradient of `h` that takes no
   * gate, and to `dcBefore`.
   */
  backward: string;
  backwardReference(of: {
    dh: number;
    dc: number;
    s: number[];
    h: number;
    c: number;
    newC: number;
  }): { dx: number[]; dg?: number[]; directH: number; dcBefore?: number };
}

const params = {
  steps: 'u32',
  batch: 'u32',
  size: 'u32',
  t: 'u32',
  slot: 'u32',
  nextSlot: 'u32',
} as const;
/**
 * A step at time `t` of `steps`: the state before it is in `slot` of `states`, [states, steps +
 * 1, batch, size], the one after it in `nextSlot`.
 */
export type CellParams = { [K in keyof typeof params]: number };
type P = CellParams;

const cells = (p: P): number => p.batch * p.size;
const cases: P[] = [
  { steps: 3, batch: 5, size: 7, t: 1, slot: 1, nextSlot: 2 },
  { steps: 4, batch: 2, size: 33, t: 2, slot: 3, nextSlot: 2 },
  { steps: 5, batch: 32, size: 256, t: 0, slot: 0, nextSlot: 1 },
];

/** WGSL: the places of element i: its row, its gates, its saved numbers, its states. */
const placesWgsl = ({ gates, saved, states }: CellSpec): string => wgsl`
    let row = i / p.size;
    let j = i % p.size;
    let gate = (p.t * p.batch + row) * ${gates}u * p.size + j;
    let save = (p.t * p.batch + row) * ${saved}u * p.size + j;
    let before = p.slot * p.batch * p.size + i;
    let after = p.nextSlot * p.batch * p.size + i;
    let half = (p.steps + 1u) * p.batch * p.size;
    let isOver = i32(p.t) >= lengths[row];
    let h = states[before];
    let c = ${states === 2 ? 'states[half + before]' : '0.0'};`;

const sigmoidWgsl = 'fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }';

/** Forward and backward kernel of a cell. */
export function defineCell(spec: CellSpec) {
  return { ...spec, step: defineStep(spec), stepBackward: defineStepBackward(spec) };
}
export type Cell = ReturnType<typeof defineCell>;

const sizesOf = ({ gates, saved, states }: CellSpec) => ({
  x: (p: P) => p.steps * cells(p) * gates,
  saved: (p: P) => p.steps * cells(p) * saved,
  states: (p: P) => states * (p.steps + 1) * cells(p),
});
const lengths = {
  type: 'i32',
  access: 'read',
  size: (p: P) => p.batch,
  fill: { below: (p: P) => p.steps + 1 },
} as const;

function defineStep(spec: CellSpec) {
  const { gates, saved, states } = spec;
  const sizes = sizesOf(spec);
  return defineKernel({
    name: `${spec.name}Step`,
    params,
    buffers: {
      x: { type: 'f32', access: 'read', size: sizes.x },
      g: { type: 'f32', access: 'read', size: (p) => cells(p) * gates },
      lengths,
      states: { type: 'f32', access: 'readwrite', size: sizes.states },
      saved: { type: 'f32', access: 'readwrite', size: sizes.saved },
    },
    specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
    launch: (p, c) => perElementWorkgroups(cells(p), c),
    wgsl: (c) => wgsl`${tanhWgsl}${sigmoidWgsl}
${perElementMain(
  c,
  'p.batch * p.size',
  wgsl`${placesWgsl(spec)}
    let own = row * ${gates}u * p.size + j;
${repeat(gates, (k) => `    let x${k} = x[gate + ${k}u * p.size];`)}
${repeat(gates, (k) => `    let g${k} = g[own + ${k}u * p.size];`)}
${spec.forward}
    states[after] = select(newH, h, isOver);
    ${states === 2 ? 'states[half + after] = select(newC, c, isOver);' : ''}
${repeat(saved, (k) => `    saved[save + ${k}u * p.size] = s${k};`)}`,
)}`,
    reference({ x, g, lengths, states: state, saved: save }, p) {
      forEachCell(p, spec, (at) => {
        const [h, c] = [state[at.before], states === 2 ? state[at.half + at.before] : 0];
        const own = at.row * gates * p.size + at.j;
        const next = spec.forwardReference(
          pick(x, at.gate, gates, p.size),
          pick(g, own, gates, p.size),
          h,
          c,
        );
        const isOver = p.t >= lengths[at.row];
        state[at.after] = isOver ? h : next.h;
        if (states === 2) state[at.half + at.after] = isOver ? c : next.c!;
        next.s.forEach((value, k) => {
          save[at.save + k * p.size] = value;
        });
      });
    },
    cases,
  });
}

/**
 * The gradient of a step. `dh`: that of the state after it from the products of the later step,
 * [batch, size]; `carry`: the part that took no product, and the gradient of the cell's state,
 * [states, batch, size]; `dstates`: what comes from outside.
 */
function defineStepBackward(spec: CellSpec) {
  const { gates, saved, states, separate } = spec;
  const sizes = sizesOf(spec);
  const gradient = { type: 'f32', access: 'readwrite', size: sizes.x } as const;
  return defineKernel({
    name: `${spec.name}StepBackward`,
    params,
    buffers: {
      dstates: { type: 'f32', access: 'read', size: sizes.states },
      dh: { type: 'f32', access: 'read', size: cells },
      carry: { type: 'f32', access: 'update', size: (p) => states * cells(p) },
      saved: { type: 'f32', access: 'read', size: sizes.saved },
      states: { type: 'f32', access: 'read', size: sizes.states },
      lengths,
      dx: gradient,
      ...((separate ? { dg: gradient } : {}) as { dg: typeof gradient }),
    },
    specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
    launch: (p, c) => perElementWorkgroups(cells(p), c),
    wgsl: (c) => wgsl`${tanhWgsl}
${perElementMain(
  c,
  'p.batch * p.size',
  wgsl`${placesWgsl(spec)}
    let newC = ${states === 2 ? 'states[half + after]' : '0.0'};
    let dh = dstates[after] + dh[i] + carry[i];
    let dc = ${states === 2 ? 'dstates[half + after] + carry[p.batch * p.size + i]' : '0.0'};
${repeat(saved, (k) => `    let s${k} = saved[save + ${k}u * p.size];`)}
${spec.backward}
    carry[i] = select(directH, dh, isOver);
    ${states === 2 ? 'carry[p.batch * p.size + i] = select(dcBefore, dc, isOver);' : ''}
${repeat(gates, (k) => `    dx[gate + ${k}u * p.size] = select(dx${k}, 0.0, isOver);`)}
${repeat(separate ? gates : 0, (k) => `dg[gate + ${k}u * p.size] = select(dg${k}, 0.0, isOver);`)}`,
)}`,
    reference({ dstates, dh, carry, saved: save, states: state, lengths, dx, dg }, p) {
      const second = (array: Float32Array, i: number) => (states === 2 ? array[i] : 0);
      const scatter = (into: Float32Array, first: number, values: readonly number[]) => {
        for (let k = 0; k < gates; k++) into[first + k * p.size] = values[k];
      };
      forEachCell(p, spec, (at) => {
        const given = {
          dh: dstates[at.after] + dh[at.i] + carry[at.i],
          dc: second(dstates, at.half + at.after) + second(carry, cells(p) + at.i),
        };
        const result =
          p.t >= lengths[at.row]
            ? { dx: none, dg: none, directH: given.dh, dcBefore: given.dc }
            : spec.backwardReference({
                ...given,
                s: pick(save, at.save, saved, p.size),
                h: state[at.before],
                c: second(state, at.half + at.before),
                newC: second(state, at.half + at.after),
              });
        carry[at.i] = result.directH;
        if (states === 2) carry[cells(p) + at.i] = result.dcBefore!;
        scatter(dx, at.gate, result.dx);
        if (separate) scatter(dg, at.gate, result.dg!);
      });
    },
    cases,
  });
}

/** The gates' gradients of a sequence that is over. */
const none: number[] = [0, 0, 0, 0];

/** `count` numbers of an array, `step` places apart. */
const pick = (array: Float32Array, first: number, count: number, step: number): number[] =>
  Array.from({ length: count }, (_, k) => array[first + k * step]);

function forEachCell(
  p: P,
  { gates, saved }: CellSpec,
  visit: (
    at: Record<'i' | 'row' | 'j' | 'gate' | 'save' | 'before' | 'after' | 'half', number>,
  ) => void,
): void {
  for (let i = 0; i < cells(p); i++) {
    const [row, j] = [Math.floor(i / p.size), i % p.size];
    visit({
      ...{ i, row, j },
      gate: (p.t * p.batch + row) * gates * p.size + j,
      save: (p.t * p.batch + row) * saved * p.size + j,
      before: p.slot * cells(p) + i,
      after: p.nextSlot * cells(p) + i,
      half: (p.steps + 1) * cells(p),
    });
  }
}
