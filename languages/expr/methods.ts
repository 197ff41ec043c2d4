/** Methods of times, durations, zones and header maps (contract expressions.md 1.6.3). */

import { MONTH_NAMES, WEEKDAY_NAMES } from "../time/civil.ts";
import { Duration } from "../time/duration.ts";
import { Moment, ZERO_MOMENT } from "../time/moment.ts";
import { DURATION_METHODS } from "./methods-duration.ts";
import { HEADER_METHODS } from "./methods-header.ts";
import { TIME_METHODS } from "./methods-time.ts";
import { notOfType } from "./operators.ts";
import {
  DURATION,
  INT,
  isAssignable,
  type Signature,
  STRING,
  TIME,
  type Type,
  typeOfValue,
  UNKNOWN,
} from "./types.ts";
import { Func, Header, Location, NamedInt, runError, typeName, type Value } from "./values.ts";

/** A method of values of class T; arguments have been checked against the signature. */
export interface Method<T> extends Signature {
  readonly call: (receiver: T, args: readonly Value[]) => Value;
}

export type Methods<T> = ReadonlyMap<string, Method<T>>;

const MONTH_METHODS = named((value) => MONTH_NAMES[Number(value.value) - 1] ?? "");
const WEEKDAY_METHODS = named((value) => WEEKDAY_NAMES[Number(value.value)] ?? "");
const LOCATION_METHODS: Methods<Location> = new Map([
  ["String", { parameters: [], results: [STRING], call: (location: Location) => location.zone.name }],
]);

const BY_TYPE: Readonly<Record<string, ReadonlyMap<string, Signature>>> = {
  "time.Time": TIME_METHODS,
  "time.Duration": DURATION_METHODS,
  "time.Month": MONTH_METHODS,
  "time.Weekday": WEEKDAY_METHODS,
  "*time.Location": LOCATION_METHODS,
  "http.Header": HEADER_METHODS,
};

/** The type of a method of a known type, if there is one of that name. */
export function methodType(receiver: Type, name: string): Type | undefined {
  const method = BY_TYPE[receiver.name]?.get(name);
  return method && { name: signatureText(method), kind: "func", signature: method };
}

/** The method of a value, bound to it. */
export function methodOf(receiver: Value, name: string): Func | undefined {
  if (receiver instanceof Moment) return bind(receiver, TIME_METHODS.get(name));
  if (receiver instanceof Duration) return bind(receiver, DURATION_METHODS.get(name));
  if (receiver instanceof Header) return bind(receiver, HEADER_METHODS.get(name));
  if (receiver instanceof Location) return bind(receiver, LOCATION_METHODS.get(name));
  if (!(receiver instanceof NamedInt)) return undefined;
  if (receiver.type === "time.Month") return bind(receiver, MONTH_METHODS.get(name));
  return receiver.type === "time.Weekday" ? bind(receiver, WEEKDAY_METHODS.get(name)) : undefined;
}

function bind<T>(receiver: T, method: Method<T> | undefined): Func | undefined {
  if (method === undefined) return undefined;
  const { parameters } = method;
  return new Func(signatureText(method), (given, isTyped) => {
    const args = isTyped ? given : given.map((arg, i) => arg ?? zeroOf(parameters[i]));
    if (args.length !== parameters.length) {
      throw runError(
        `reflect: Call with too ${args.length < parameters.length ? "few" : "many"} input arguments`,
      );
    }
    for (const [i, arg] of args.entries()) {
      const wanted = parameters[i] ?? UNKNOWN;
      if (!isAssignable(typeOfValue(arg), wanted)) {
        if (isTyped) throw notOfType(arg, wanted.name);
        throw runError(`reflect: Call using ${typeName(arg)} as type ${wanted.name}`);
      }
    }
    return method.call(receiver, args);
  });
}

/** What reflection makes of a nil argument. */
function zeroOf(type: Type | undefined): Value {
  if (type === STRING) return "";
  if (type === INT) return 0n;
  if (type === DURATION) return new Duration(0n);
  return type === TIME ? ZERO_MOMENT : null;
}

function named(text: (value: NamedInt) => string): Methods<NamedInt> {
  return new Map([["String", { parameters: [], results: [STRING], call: (value: NamedInt) => text(value) }]]);
}

/** Such as `func(string) int` or `func() (string, int)`. */
function signatureText(signature: Signature): string {
  const results = signature.results.map((result) => result.name);
  const tail = results.length > 1 ? ` (${results.join(", ")})` : results.map((name) => ` ${name}`).join("");
  return `func(${signature.parameters.map((parameter) => parameter.name).join(", ")})${tail}`;
}
