import { describe, expect, it } from 'vitest';
import { fineTune, fit, pretrain } from '../../../src/entries/train.ts';
import { embed } from '../../../src/train/recipes/embed.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { predict } from '../../../src/train/recipes/predict.ts';
import { predictFile } from '../../../src/train/recipes/predictFile.ts';

type Recipe = (options: never) => Promise<unknown>;
const model = 'no-model';

describe('an option that a recipe does not have', () => {
  it.each<[string, Recipe, object, string]>([
    ['fineTune', fineTune as Recipe, { data: 'd.tsv', model, out: 'o' }, 'lr'],
    ['fineTune', fineTune as Recipe, { data: 'd.tsv', model, out: 'o' }, 'numTrainEpochs'],
    ['fineTune', fineTune as Recipe, { data: 'd.tsv', model, out: 'o' }, 'hashes'],
    ['pretrain', pretrain as Recipe, { files: ['d.txt'], model, out: 'o' }, 'maxSteps'],
    ['evaluate', evaluate as Recipe, { data: 'd.tsv', model }, 'max_length'],
    ['predict', predict as Recipe, { texts: ['a'], model }, 'top_k'],
    ['predictFile', predictFile as Recipe, { input: 'a.txt', out: 'b.csv', model }, 'outformat'],
    ['embed', embed as Recipe, { texts: ['a'], model }, 'normalize'],
  ])('%s refuses it', async (name, recipe, options, other) => {
    await expect(recipe({ ...options, [other]: 1 } as never)).rejects.toThrow(
      new RegExp(`unknown option of ${name} "${other}": expected one of .*maxLength`),
    );
  });

  it('fit refuses it', async () => {
    await expect(fit({} as never, [], [], { lr: 1e-3 } as never)).rejects.toThrow(
      /unknown option of fit "lr": expected one of learningRate, /,
    );
  });
});
