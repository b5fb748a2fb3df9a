import {
  embedding,
  linearCrossEntropy,
  matmul,
  noGrad,
  type Tensor,
  zeros,
} from '../../tensor/index.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { checkLabelShape, toIdTensor } from '../modelInputs.ts';
import { type CbowInputs, WordVectorLM } from './cbow.ts';
import { checkWindow, windowMask } from './wordEmbeddings.ts';

/** Outputs of `SkipGramLMHeadModel`. */
export interface SkipGramOutput extends EncoderOutput {
  /** Mean over the pairs of a token and a labelled token of its window; NaN without any pair. */
  loss?: Tensor;
}

/**
 * word2vec's skip-gram (Mikolov et al. 2013, arXiv 1301.3781, §3.2): the vector of a token predicts
 * each token around it. As in `CbowLMHeadModel`, the softmax covers the whole vocabulary instead of
 * negative samples, input and output vectors differ, and there is no bias. All tokens of a window
 * weigh the same; the paper draws the window's size for each token.
 * @example
 * const config = bertConfig({ ...bertTiny, vocabSize: 500 });
 * const model = SkipGramLMHeadModel.fromConfig(config, 42);
 */
export class SkipGramLMHeadModel extends WordVectorLM {
  static override readonly architecture: string = 'SkipGramLMHeadModel';

  /**
   * @throws ArgumentError for labels of another shape or outside the vocabulary, or a window below
   * 1.
   */
  forward({ labels, window = 4, ...inputs }: CbowInputs): SkipGramOutput {
    checkWindow('SkipGramLMHeadModel', window);
    const output = this.bert.forward(inputs);
    if (labels === undefined) return output;
    const { shape, device } = output.lastHiddenState;
    const [batch, length] = shape;
    const targets = toIdTensor(labels, device, 'labels');
    checkLabelShape(targets.shape, [batch, length], 'labels');
    const mask = this.maskOf(inputs, output.lastHiddenState);
    const pairs = noGrad(() =>
      windowMask(length, window, device)
        .mul(mask.toFloat().unsqueeze(2))
        .mul(targets.ge(0).toFloat().reshape([batch, 1, length])),
    );
    return { ...output, loss: this.#loss(output.lastHiddenState, targets, pairs) };
  }

  /**
   * Σ pairs[i, j] (log Σ exp(vᵢ·u) - vᵢ·uⱼ) / Σ pairs for token vectors v and output vectors u. The
   * logarithm is computed once for each token, whatever the window. pairs: [batch, length, length].
   */
  #loss(vectors: Tensor, targets: Tensor, pairs: Tensor): Tensor {
    const [batch, length, size] = vectors.shape;
    const { weight } = this.cls.predictions.decoder;
    const { device } = vectors;
    const rows = vectors.reshape([batch * length, size]);
    // The loss of class 0 is the logarithm less the score of class 0.
    const firstClass = zeros([batch * length], { device, dtype: 'int32' });
    const lossOfFirst = linearCrossEntropy(
      rows,
      weight,
      zeros([weight.shape[0]], { device }),
      firstClass,
      { reduction: 'none' },
    );
    const logSums = lossOfFirst.add(matmul(rows, weight.select(0, 0)));
    const around = matmul(
      pairs,
      embedding(
        noGrad(() => targets.reshape([batch, length]).clamp(0)),
        weight,
      ),
    );
    const counts = noGrad(() => pairs.sum(-1).reshape([batch * length]));
    return logSums.mul(counts).sum().sub(vectors.mul(around).sum()).div(counts.sum());
  }
}
