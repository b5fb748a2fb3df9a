/** How weights are stored, by PyTorch's names. */
export const torchDtypes = ['float32', 'float16'] as const;
export type TorchDtype = (typeof torchDtypes)[number];

/** Those, and matrices in 8 bits with a scale for each row. */
export const weightDtypes = [...torchDtypes, 'int8'] as const;
/** How weights are stored: by PyTorch's names, `int8` with a scale for each row of a matrix. */
export type WeightDtype = (typeof weightDtypes)[number];

/** Tells other programs that weights are not to be taken as they stand (`int8Weights.ts`). */
export const quantizationConfig = { quant_method: 'wigbert', bits: 8, scales: 'per row' } as const;
