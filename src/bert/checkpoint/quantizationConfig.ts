/** Tells other programs that weights are not to be taken as they stand (`int8Weights.ts`). */
export const quantizationConfig = { quant_method: 'wigbert', bits: 8, scales: 'per row' } as const;
