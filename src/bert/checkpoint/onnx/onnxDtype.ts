/** How the weights of an ONNX file are stored. */
export const onnxDtypes = ['float32', 'float16', 'int8'] as const;
export type OnnxDtype = (typeof onnxDtypes)[number];
