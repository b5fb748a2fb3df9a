// The scripts are plain JavaScript, as they run before there is a compiler.
declare module '*.mjs';
