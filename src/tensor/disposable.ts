// Libraries of types before ES2026 lack it.
declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

export {};
