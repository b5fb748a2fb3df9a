import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { Linear, Module, Sequential } from '../../../src/nn/index.ts';
import { loraConfig, scalingOf } from '../../../src/nn/lora/loraConfig.ts';
import { LoraLinear } from '../../../src/nn/lora/loraLinear.ts';
import { findTargets, replaceModule, targetPredicate } from '../../../src/nn/lora/modules.ts';
import { randn, setDevice, tensor } from '../../../src/tensor/index.ts';

setDevice(new CpuDevice());

describe('LoraLinear', () => {
  it.each(['none', 'gelu', 'geluTanh', 'relu', 'tanh'] as const)(
    'computes what the merged layer does, with the activation %s',
    async (activation) => {
      const linear = new Linear(5, 4);
      const layer = new LoraLinear(linear);
      layer.addAdapter('a', { r: 2, scaling: 1.5, dropout: 0 });
      const { B } = layer.matrices('a')!;
      B.detach().copy_(randn([4, 2]));
      const x = randn([3, 5]);
      const base = await layer.forward(x, activation).data();
      expect([...base]).toEqual([...(await linear.forward(x, activation).data())]);
      layer.activeAdapter = 'a';
      const y = await layer.forward(x, activation).data();
      expect([...y]).not.toEqual([...base]);
      layer.merge();
      const merged = await linear.forward(x, activation).data();
      for (const [i, value] of merged.entries()) expect(Math.abs(y[i] - value)).toBeLessThan(1e-5);
    },
  );

  it('takes the place of layers in fields, arrays and maps', () => {
    class Net extends Module {
      readonly one = new Linear(2, 2);
      readonly many = [new Linear(2, 2), [new Linear(2, 2)]];
      readonly named = new Map([['x', new Linear(2, 2)]]);
      readonly chain = new Sequential(new Linear(2, 2));
    }
    const net = new Net();
    const names = findTargets(net, loraConfig({ targetModules: 'all-linear' }), ['one']);
    expect(names).toEqual(['many.0', 'many.1.0', 'named.x', expect.stringMatching(/^chain\./)]);
    const modules = new Map(net.namedModules());
    for (const name of names)
      replaceModule(net, modules.get(name)!, new LoraLinear(modules.get(name) as Linear));
    const left = [...net.namedModules()].filter(([, module]) => module instanceof Linear);
    expect(left.map(([name]) => name)).toEqual([
      'one',
      ...names.map((name) => `${name}.base_layer`),
    ]);
    expect(() => replaceModule(net, new Linear(1, 1), net.one)).toThrow(/in a field/);
  });
});

describe('LoraConfig', () => {
  it.each([
    [{ r: 4, loraAlpha: 8 }, 4, 2],
    [{ r: 4, loraAlpha: 8, useRslora: true }, 4, 4],
    [{ r: 4, rankPattern: { query: 2 }, alphaPattern: { 'self.query': 6 } }, 2, 3],
    [{ r: 4, rankPattern: { 'layer\\.1\\..*': 2, quer: 1 } }, 4, 2],
  ])('%o gives a rank and a scale', (config, r, scaling) => {
    expect(scalingOf(loraConfig(config), 'layer.0.self.query')).toEqual({ r, scaling });
  });

  it.each([
    [{ targetModules: ['query'] }, ['encoder.layer.0.query', 'encoder.layer.1.query']],
    [{ targetModules: ['layer.1.query'] }, ['encoder.layer.1.query']],
    [{ targetModules: ['uery'] }, []],
    [{ targetModules: '.*[01]\\.(query|dense)', excludeModules: ['dense'] }, [0, 1]],
    [{ targetModules: ['query', 'dense'], layersToTransform: [1] }, [1, 2]],
    [{ targetModules: 'query' }, []],
    [{ targetModules: 'all-linear' }, [0, 1, 2]],
  ] as [object, (string | number)[]][])('%o names layers as PEFT does', (config, wanted) => {
    const names = ['encoder.layer.0.query', 'encoder.layer.1.query', 'encoder.layer.1.dense'];
    const found = [...names, 'head.query'].filter(targetPredicate(loraConfig(config), ['head']));
    expect(found).toEqual(wanted.map((each) => (typeof each === 'number' ? names[each] : each)));
  });
});

describe('requiresGrad_', () => {
  it('takes the gradients away, and gives them back; parameters stay listed', async () => {
    const net = new Sequential(new Linear(2, 3), new Linear(3, 1));
    const names = [...net.stateDict().keys()];
    net.requiresGrad_(false);
    expect(net.parameters().some(({ requiresGrad }) => requiresGrad)).toBe(false);
    expect([...net.stateDict().keys()]).toEqual(names);
    expect(net.training).toBe(true);
    expect(net.forward(tensor([[1, 2]])).requiresGrad).toBe(false);
    net.requiresGrad_();
    expect(net.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
    net.freeze().train();
    expect(net.training).toBe(false);
    net.requiresGrad_().train();
    expect(net.training).toBe(true);
    expect(net.namedModules().map(([name]) => name)[0]).toBe('');
  });
});
