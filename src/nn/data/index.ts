export {
  type Collated,
  DataLoader,
  type DataLoaderOptions,
  defaultCollate,
} from './dataLoader.ts';
export { ConcatDataset, type Dataset, randomSplit, Subset, TensorDataset } from './datasets.ts';
export { type Sampler, SubsetRandomSampler, WeightedRandomSampler } from './samplers.ts';
