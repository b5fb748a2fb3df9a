/** A small model whose batch of two parts the processes share; its gradients. */
import { readFileSync } from 'node:fs';
import { Embedding, Linear, Module } from '../../../dist/src/nn/index.js';
import { SGD } from '../../../dist/src/nn/optim/index.js';
import { backward, crossEntropy, useDevice, zeros } from '../../../dist/src/tensor/index.js';
import { joinParts } from '../../../dist/src/train/trainer/accumulation.js';
import { DistributedStep } from '../../../dist/src/train/trainer/distributedStep.js';

const data = new URL('../../golden/data/ddp/gradients.json', import.meta.url);
const { ids, labels, shapes, weights } = JSON.parse(readFileSync(data, 'utf8'));
const [rows, width] = shapes['embedding.weight'];

class Model extends Module {
  embedding = new Embedding(rows, width);
  hidden = new Linear(width, width);
  out = new Linear(width, shapes['out.bias'][0]);

  forward(inputs) {
    return this.out.forward(this.hidden.forward(this.embedding.forward(inputs).mean(1)).tanh());
  }
}

/** The mean over two parts, as DistributedDataParallel takes it of two processes. */
export async function gradientsOf(deviceName, reduction) {
  const device = await useDevice(deviceName, { threads: 1 });
  const model = new Model();
  const named = model.namedParameters();
  for (const [name, parameter] of named) parameter.copy_(weights[name]);
  // Gives the parameters their place in an arena.
  const optimizer = new SGD(model.parameters(), { lr: 0 });
  const parameters = model.parameters();
  const copies = parameters.map(({ shape }) => zeros(shape));
  const step = new DistributedStep(device, parameters, {
    reduction,
    backward(_part, inputs) {
      const loss = crossEntropy(model.forward(inputs.ids), inputs.labels).mul(0.5);
      backward(loss);
      return [loss];
    },
    update(loss) {
      for (const [i, { grad }] of parameters.entries()) copies[i].copy_(grad);
      optimizer.zeroGrad();
      return loss;
    },
  });
  const half = ids.length / 2;
  const inputs = joinParts(
    [0, half].map((begin) => ({
      ids: {
        data: Int32Array.from(ids.slice(begin, begin + half).flat()),
        shape: [half, ids[0].length],
      },
      labels: { data: Int32Array.from(labels.slice(begin, begin + half)), shape: [half] },
    })),
  );
  const same = (body) => body();
  // The second time it replays what was captured, over the gradients of the first.
  for (let time = 0; time < 2; time++) await step.run(inputs, same);
  const gradients = {};
  for (const [i, [name]] of named.entries()) gradients[name] = [...(await copies[i].data())];
  return gradients;
}
