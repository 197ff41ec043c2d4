/** Methods of durations. */
import { Duration } from "../time/duration.ts";
import type { Method, Methods } from "./method.ts";
import { durationType, floatType, int64Type, stringType } from "./types.ts";
import { NamedInt, runError, type Value } from "./values.ts";

export const durationMethods: Methods<Duration> = new Map<string, Method<Duration>>([
  ["Hours", quotient(3_600_000_000_000n)],
  ["Minutes", quotient(60_000_000_000n)],
  ["Seconds", quotient(1_000_000_000n)],
  ["Milliseconds", count(1_000_000n)],
  ["Microseconds", count(1_000n)],
  ["Nanoseconds", count(1n)],
  ["String", { parameters: [], results: [stringType], call: (duration) => duration.toString() }],
  ["Round", adjust((value, step) => roundAwayFromZero(value, step))],
  ["Truncate", adjust((value, step) => value - (value % step))],
  [
    "Abs",
    {
      parameters: [],
      results: [durationType],
      call: ({ nanoseconds }) => new Duration(nanoseconds < 0n ? -nanoseconds : nanoseconds),
    },
  ],
]);

/** The duration that a checked argument is. */
export function durationArgument(value: Value | undefined): Duration {
  if (value instanceof Duration) return value;
  throw runError("reflect: Call using a value of another type as type time.Duration");
}

function quotient(unit: bigint): Method<Duration> {
  const call = ({ nanoseconds }: Duration): number =>
    Number(nanoseconds / unit) + Number(nanoseconds % unit) / Number(unit);
  return { parameters: [], results: [floatType], call };
}

function count(unit: bigint): Method<Duration> {
  const call = ({ nanoseconds }: Duration): Value => new NamedInt("int64", nanoseconds / unit);
  return { parameters: [], results: [int64Type], call };
}

function adjust(change: (value: bigint, step: bigint) => bigint): Method<Duration> {
  const call = (duration: Duration, args: readonly Value[]): Duration => {
    const step = durationArgument(args[0]).nanoseconds;
    return step <= 0n ? duration : new Duration(change(duration.nanoseconds, step));
  };
  return { parameters: [durationType], results: [durationType], call };
}

function roundAwayFromZero(value: bigint, step: bigint): bigint {
  const size = value < 0n ? -value : value;
  const rest = size % step;
  const rounded = rest + rest < step ? size - rest : size + step - rest;
  return value < 0n ? -rounded : rounded;
}
