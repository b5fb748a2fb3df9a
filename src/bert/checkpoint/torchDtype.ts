/** How weights are stored, by PyTorch's names. */
export const torchDtypes = ['float32', 'float16'] as const;
export type TorchDtype = (typeof torchDtypes)[number];

/** Those, and matrices in 8 bits, which only wigbert reads. */
export const weightDtypes = [...torchDtypes, 'int8'] as const;
export type WeightDtype = (typeof weightDtypes)[number];
