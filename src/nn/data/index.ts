export {
  type Collated,
  DataLoader,
  type DataLoaderOptions,
  defaultCollate,
} from './dataLoader.ts';
export { type Dataset, randomSplit, Subset, TensorDataset } from './datasets.ts';
