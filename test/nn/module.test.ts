import { beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { Dropout, Linear, Module, parameter } from '../../src/nn/index.ts';
import { SGD } from '../../src/nn/optim/index.ts';
import { ones, setDevice, Tensor, tensor } from '../../src/tensor/index.ts';

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
    expect(() => tied.loadStateDict(new Map([['other', value]]))).toThrow(
      /input is missing; other is not expected/,
    );
  });
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
