/** How weights are stored, by PyTorch's names. */
export const torchDtypes = ['float32', 'float16'] as const;
export type TorchDtype = (typeof torchDtypes)[number];
