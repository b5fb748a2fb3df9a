import { beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { Dropout, Embedding, Linear, Module, parameter, Sequential } from '../../src/nn/index.ts';
import { SGD } from '../../src/nn/optim/index.ts';
import { ones, scope, setDevice, Tensor, tensor } from '../../src/tensor/index.ts';

beforeEach(() => setDevice(new CpuDevice()));

class Cell extends Module {
  readonly linear = new Linear(2, 2);
  readonly history: Tensor[] = [];
  readonly states = new Map<string, Tensor>();
  hidden: Tensor | null = null;

  forward(x: Tensor): Tensor {
    this.hidden = this.linear.forward(this.hidden ? x.add(this.hidden) : x, 'tanh');
    this.history.push(this.hidden);
    this.states.set('last', this.hidden);
    return this.hidden;
  }
}

class Containers extends Module {
  readonly layers = [[new Linear(1, 1)], [new Dropout(0.5), new Linear(1, 1)]];
  readonly byName = new Map([['scale', parameter(ones([1]))]]);
  readonly list = [parameter(ones([2]))];
  readonly #hidden = this.registerModule('hidden', new Linear(1, 1));
  readonly #gain = this.registerParameter('gain', tensor([2]));
  readonly mean = this.registerBuffer('mean', tensor([7]));

  forward(x: Tensor): Tensor {
    return this.#hidden.forward(x).mul(this.#gain);
  }
}

describe('what a module takes for its parameters', () => {
  it.each([
    ['by the method', (p: Tensor) => void p.requiresGrad_(false)],
    [
      'by the field',
      (p: Tensor) => {
        p.requiresGrad = false;
      },
    ],
  ])('also those that were frozen one by one, %s', async (_, freeze) => {
    const net = new Sequential(new Linear(2, 3), new Containers());
    const state = net.stateDict();
    const names = [...state.keys()];
    const count = net.parameterCount;
    for (const parameter of net.parameters()) freeze(parameter);
    expect([...net.stateDict().keys()]).toEqual(names);
    expect(net.parameterCount).toBe(count);
    net.loadStateDict(state);
    expect(net.parameters().some((p) => p.requiresGrad)).toBe(false);
    net.requiresGrad_();
    expect(net.parameters().every((p) => p.requiresGrad)).toBe(true);
  });

  it('not activations, kept in a field, an array or a map', () => {
    const cell = new Cell();
    cell.forward(ones([1, 2]));
    cell.forward(ones([1, 2]));
    expect([...cell.stateDict().keys()]).toEqual(['linear.weight', 'linear.bias']);
    expect(cell.parameterCount).toBe(6);
    expect(() => new SGD(cell.parameters(), { lr: 0.1 })).not.toThrow();
  });

  it('tensors and modules in arrays, maps and registered ones', () => {
    const containers = new Containers();
    expect(containers.namedParameters().map(([name]) => name)).toEqual([
      'by_name.scale',
      'list.0',
      'gain',
      'layers.0.0.weight',
      'layers.0.0.bias',
      'layers.1.1.weight',
      'layers.1.1.bias',
      'hidden.weight',
      'hidden.bias',
    ]);
    expect(containers.namedBuffers().map(([name]) => name)).toEqual(['mean']);
    expect([...containers.stateDict().keys()]).toContain('mean');
    expect(containers.eval().layers[1][0].training).toBe(false);
    expect(() => containers.registerBuffer('mean', tensor([1]))).toThrow(/mean: expected a name/);
  });

  it('refuses two tensors of one name', () => {
    class Twins extends Module {
      readonly someWeight = parameter(ones([1]));
      readonly some_weight = parameter(ones([1]));
    }
    expect(() => new Twins().stateDict()).toThrow(/some_weight: two tensors have this name/);
  });

  it('ends where modules point at each other', () => {
    class Node extends Module {
      readonly weight = parameter(ones([1]));
      other?: Node;
    }
    const [a, b] = [new Node(), new Node()];
    a.other = b;
    b.other = a;
    expect(a.namedParameters().map(([name]) => name)).toEqual(['weight', 'other.weight']);
  });
});

describe('a state dict', () => {
  it('goes from one module to another, and the copy is its own', async () => {
    const [a, b] = [new Containers(), new Containers()];
    b.loadStateDict(a.stateDict());
    expect(await b.forward(ones([1, 1])).tolist()).toEqual(await a.forward(ones([1, 1])).tolist());
    const [[, first]] = a.namedParameters();
    first.upload([9]);
    expect(await b.namedParameters()[0][1].tolist()).toEqual([1]);
  });

  it('takes a tied parameter under each of its names', async () => {
    class Tied extends Module {
      readonly input = parameter(ones([2]));
      readonly output = this.input;
    }
    const tied = new Tied();
    expect([...tied.stateDict().keys()]).toEqual(['input']);
    const value = { shape: [2], data: Float32Array.of(3, 4) };
    tied.loadStateDict(
      new Map([
        ['input', value],
        ['output', value],
      ]),
    );
    expect(await tied.output.tolist()).toEqual([3, 4]);
    const other = { shape: [2], data: Float32Array.of(5, 6) };
    const nothing = { missingKeys: [], unexpectedKeys: [] };
    for (const strict of [true, false]) {
      expect(tied.loadStateDict(new Map([['output', other]]), { strict })).toEqual(nothing);
      expect(await tied.input.tolist()).toEqual([5, 6]);
    }
    tied.loadStateDict(new Map(Object.entries({ output: other, input: value })));
    expect(await tied.input.tolist()).toEqual([3, 4]);
    const wrong = { shape: [1, 2], data: other.data };
    expect(() =>
      tied.loadStateDict(new Map(Object.entries({ input: value, output: wrong }))),
    ).toThrow('output: expected shape [2], got [1, 2]');
    expect(() => tied.loadStateDict(new Map([['other', value]]))).toThrow(
      /input is missing; other is not expected/,
    );
  });
});

it('a state that is no map of tensors is refused, before any is taken', async () => {
  const layer = new Linear(1, 1);
  const state = Object.fromEntries(layer.stateDict()) as unknown as Map<string, Tensor>;
  expect(() => layer.loadStateDict(state)).toThrow('loadStateDict: expected a Map of names');
  const short = new Map([
    ['weight', { shape: [1, 1], data: Float32Array.of(7) }],
    ['bias', { shape: [1], data: Float32Array.of(1, 2) }],
  ]);
  expect(() => layer.loadStateDict(short)).toThrow('bias: expected 1 numbers for shape [1], got 2');
  const numbers = new Map([['weight', [[1]]]]) as unknown as Map<string, Tensor>;
  expect(() => layer.loadStateDict(numbers, { strict: false })).toThrow(
    'weight: expected shape [1, 1], got [[1]]',
  );
  expect(await layer.weight.tolist()).not.toEqual([[7]]);
});

it('registered tensors outlive the scope that made them', async () => {
  const containers: Containers[] = [];
  scope(() => void containers.push(new Containers()));
  const state = containers[0].stateDict();
  expect(await state.get('gain')!.tolist()).toEqual([2]);
  expect(await state.get('mean')!.tolist()).toEqual([7]);
});

describe('views of a parameter', () => {
  it('follow when an optimizer moves it', async () => {
    const weight = parameter(tensor([1, 2]));
    const [view, whole] = [weight.detach().slice([[0, 1]]), weight.detach()];
    const optimizer = new SGD([weight], { lr: 1 });
    weight.sum().backward();
    optimizer.step();
    expect(await whole.tolist()).toEqual([0, 1]);
    expect(await view.tolist()).toEqual([0]);
  });

  it('cannot be optimized alone', () => {
    const part = tensor([1, 2])
      .slice([[0, 1]])
      .detach()
      .requiresGrad_();
    expect(part).toBeInstanceOf(Tensor);
    expect(() => new SGD([part], { lr: 1 })).toThrow(
      /expected parameters with memory of their own/,
    );
  });
});

describe('what programs do with modules', () => {
  const build = () => new Sequential(new Linear(2, 3), new Sequential(new Linear(3, 1)));

  it('layers of a sequence are found by position, in order', () => {
    const model = build();
    expect(model.length).toBe(2);
    expect([...model]).toEqual([model[0], model[1]]);
    expect(model[0]).toBe(model.layers[0]);
    expect(model[2]).toBe(undefined);
    expect([...model.stateDict().keys()]).toEqual([
      ...['0.weight', '0.bias', '1.0.weight', '1.0.bias'],
    ]);
  });

  it('a sequence has other children beside its layers, which it does not run', () => {
    class Headed extends Sequential {
      readonly head = new Linear(1, 2);
    }
    const model = new Headed(new Linear(2, 1));
    model.registerModule('extra', new Dropout(0.5));
    const names = ['0.weight', '0.bias', 'head.weight', 'head.bias'];
    expect([...model.stateDict().keys()]).toEqual(names);
    expect(
      model
        .eval()
        .children()
        .map(({ training }) => training),
    ).toEqual([false, false, false]);
    expect(model.forward(ones(3, 2)).shape).toEqual([3, 1]);
  });

  it('apply goes through the modules below first, and children are those directly below', () => {
    const model = build();
    const seen: Module[] = [];
    expect(model.apply((module) => seen.push(module))).toBe(model);
    expect(seen).toEqual([model[0], [...(model[1] as Sequential)][0], model[1], model]);
    expect(model.children()).toEqual([model[0], model[1]]);
    expect(Array.from(model.namedChildren(), ([name]) => name)).toEqual(['0', '1']);
  });

  it('a state that is not strict loads what it has', async () => {
    const model = build();
    const bias = await (model[0] as Linear).bias.tolist();
    const weight = ones(3, 2);
    const state = new Map([
      ['0.weight', weight],
      ['head', ones(1)],
    ]);
    expect(model.loadStateDict(state, { strict: false })).toEqual({
      missingKeys: ['0.bias', '1.0.weight', '1.0.bias'],
      unexpectedKeys: ['head'],
    });
    expect(await (model[0] as Linear).weight.tolist()).toEqual(await weight.tolist());
    expect(await (model[0] as Linear).bias.tolist()).toEqual(bias);
    expect(model.loadStateDict(model.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(() => model.loadStateDict(state)).toThrow('0.bias is missing');
    const wrong = new Map([['0.weight', ones(2, 2)]]);
    expect(() => model.loadStateDict(wrong, { strict: false })).toThrow('expected shape [3, 2]');
  });

  it('weights are tied by an assignment', async () => {
    class Model extends Module {
      readonly embedding = new Embedding(5, 3);
      readonly decoder = new Linear(3, 5, { bias: false });
      constructor() {
        super();
        this.decoder.weight = this.embedding.weight;
      }
    }
    const model = new Model();
    expect(model.parameters()).toEqual([model.embedding.weight]);
    expect([...model.stateDict().keys()]).toEqual(['embedding.weight']);
    const ids = tensor([1, 1], { dtype: 'int32' });
    model.decoder.forward(model.embedding.forward(ids)).sum().backward();
    const before = await model.embedding.weight.tolist();
    new SGD(model.parameters(), { lr: 1 }).step();
    expect(await model.decoder.weight.tolist()).not.toEqual(before);
  });
});
