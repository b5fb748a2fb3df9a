import { InferenceSession, Tensor } from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { contentBytes } from '../../../src/bert/checkpoint/write.ts';
import { OnnxGraph } from '../../../src/formats/onnx/graph.ts';
import { UsageError } from '../../../src/platform/errors.ts';

const floats = (...values: number[]) => Float32Array.from(values);

describe('OnnxGraph', () => {
  it('is a file that onnxruntime runs, with dimensions of any size', async () => {
    const graph = new OnnxGraph('line');
    const x = graph.input('x', 'float32', ['rows', 2]);
    const weight = graph.initializer('weight', {
      type: 'float32',
      shape: [2, 1],
      data: async () => floats(3, -4),
    });
    const scaled = graph.node('Mul', [x, graph.constant('float32', 2)]);
    const product = graph.node('MatMul', [scaled, weight]);
    const softened = graph.node('LeakyRelu', [product], { alpha: { float: 0.5 } });
    graph.output('y', graph.node('Transpose', [softened], { perm: [1, 0] }), [1, 'rows']);
    const content = graph.content();
    const bytes = await contentBytes(content);
    expect(bytes.length).toBe(content.bytes);
    const session = await InferenceSession.create(bytes);
    expect([session.inputNames, session.outputNames]).toEqual([['x'], ['y']]);
    for (const rows of [1, 3]) {
      const data = Float32Array.from({ length: 2 * rows }, (_, i) => i - 2);
      const { y } = await session.run({ x: new Tensor('float32', data, [rows, 2]) });
      expect(y.dims).toEqual([1, rows]);
      const lines = Array.from({ length: rows }, (_, i) => 6 * data[2 * i] - 8 * data[2 * i + 1]);
      expect([...(y.data as Float32Array)]).toEqual(lines.map((v) => (v < 0 ? v / 2 : v)));
    }
  });

  it('stores a constant once, and refuses more than a protocol buffer holds', () => {
    const graph = new OnnxGraph('large');
    expect(graph.constant('int64', [1, -1])).toBe(graph.constant('int64', [1, -1]));
    expect(graph.constant('int64', 1)).not.toBe(graph.constant('int64', [1]));
    const shape = [30_000, 30_000];
    graph.initializer('w', { type: 'float32', shape, data: async () => floats() });
    expect(() => graph.content()).toThrow(UsageError);
    expect(() => graph.content()).toThrow(/at most 2.1 GB, the model takes 3.6 GB/);
  });
});
