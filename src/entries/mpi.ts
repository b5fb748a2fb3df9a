export type { Collective, Words } from '../train/distributed/collective.ts';
export {
  initProcessGroup,
  type ProcessGroupOptions,
} from '../train/distributed/initProcessGroup.ts';
export {
  destroyProcessGroup,
  getRank,
  getWorldSize,
  processGroup,
} from '../train/distributed/processGroup.ts';
