const suffixes: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** A Kubernetes quantity such as 1Gi, 1.5G, 1e9; undefined for what the API server refuses. */
export function quantityBytes(text: string): number | undefined {
  const [, digits, suffix = ""] =
    /^\+?(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const factor = suffixes[suffix];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}
