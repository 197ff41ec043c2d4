import { ExecutorError } from "../errors/index.ts";

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a Go duration such as `1m30s`, `300ms`, `-1.5h` or `0` (Go's time.ParseDuration).
 * Throws BadRequest in Go's words, with `name` in front.
 */
export function parseGoDuration(text: string, name: string): number {
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  let rest = text.slice(sign.length);
  if (rest === "0") return 0;
  let totalMs = 0;
  do {
    const part = /^(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/.exec(rest);
    if (!part) {
      throw new ExecutorError(
        "BadRequest",
        `${name} must be a duration with units such as 1m30s or 300ms: time: invalid duration ${JSON.stringify(text)}`,
      );
    }
    totalMs += Number(part[1]) * (unitMs[part[2] ?? ""] ?? 0);
    rest = rest.slice(part[0].length);
  } while (rest !== "");
  return sign === "-" ? -totalMs : totalMs;
}
