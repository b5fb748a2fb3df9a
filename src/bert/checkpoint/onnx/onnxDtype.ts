/** How the weights of an ONNX file are stored. */
export const onnxDtypes = ['float32', 'float16', 'int8'] as const;
/** Type of the weights of an ONNX file; `int8` has a scale for each output. */
export type OnnxDtype = (typeof onnxDtypes)[number];
