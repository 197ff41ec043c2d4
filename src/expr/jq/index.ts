export function evaluateFilter(_f: string, _d: unknown, _b: unknown): string {
  return "";
}
