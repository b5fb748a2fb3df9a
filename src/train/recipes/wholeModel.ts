import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { architectures, findArchitecture } from '../../bert/registry.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue } from '../../platform/format.ts';

/**
 * The model of a folder with the head that it was saved with, for evaluation, on the default
 * device.
 * @throws UsageError unless the folder names an architecture and has all of its weights.
 */
export async function loadWholeModel(folder: ModelFolder): Promise<BertPreTrainedModel> {
  const { name, adapter } = folder;
  const architecture = await folder.architecture();
  const entry = findArchitecture(architecture);
  if (!entry)
    throw new UsageError(
      `${name}: expected a model that is one of ` +
        `${architectures.map(({ Model }) => Model.architecture).join(', ')}, ` +
        `got ${formatValue(architecture)}`,
    );
  const Model = entry.Model as {
    fromPretrained(source: typeof folder): Promise<BertPreTrainedModel>;
  };
  const model = await Model.fromPretrained(folder);
  const { missing } = model.loadReport;
  if (missing.length > 0)
    throw new UsageError(
      `${adapter ? `neither ${name} nor ${adapter.base.name} has` : `${name} has no`} ` +
        `${formatNames(missing)}, which ${architecture} needs`,
    );
  return model;
}
