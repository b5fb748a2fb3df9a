/** What a report tells of a run's model, device and options. */
import type { BertPreTrainedModel } from '../../../bert/pretrainedModel.ts';
import { defaultDevice } from '../../../tensor/index.ts';
import type { RunReport } from './runReport.ts';

/** Settings that are no options, or told elsewhere. */
const notOptions = ['bytes', 'hashes', 'command', 'version', 'totalSteps'];

/** What every run has. `kept`: its settings, as its checkpoints keep them. */
export function runFacts(
  model: BertPreTrainedModel,
  kept: Readonly<Record<string, unknown>>,
): Pick<RunReport, 'command' | 'version' | 'settings' | 'device' | 'model'> {
  const { kind, description } = defaultDevice();
  const { numHiddenLayers, hiddenSize, numAttentionHeads, vocabSize } = model.config;
  const { command, version } = kept;
  const settings = Object.entries(kept).filter(([name]) => !notOptions.includes(name));
  return {
    ...(typeof command === 'string' && { command }),
    ...(typeof version === 'string' && { version }),
    settings: Object.fromEntries(settings),
    device: { kind, adapter: description },
    model: {
      architecture: model.architecture,
      layers: numHiddenLayers,
      hiddenSize,
      heads: numAttentionHeads,
      vocabulary: vocabSize,
      parameters: model.parameterCount,
      trained: model
        .parameters()
        .reduce((total, { size, requiresGrad }) => total + (requiresGrad ? size : 0), 0),
    },
  };
}
