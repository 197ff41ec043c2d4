/** Methods of times, durations, zones and header maps (docs/contract/expressions.md#1.6.3). */

import { monthNames, weekdayNames } from "../time/civil.ts";
import { Duration } from "../time/duration.ts";
import { Moment, zeroMoment } from "../time/moment.ts";
import type { Method, Methods } from "./method.ts";
import { durationMethods } from "./methods-duration.ts";
import { headerMethods } from "./methods-header.ts";
import { timeMethods } from "./methods-time.ts";
import { notOfType } from "./operators.ts";
import {
  durationType,
  intType,
  isAssignable,
  type Signature,
  stringType,
  type Type,
  timeType,
  typeOfValue,
  unknownType,
} from "./types.ts";
import { Func, Header, Location, NamedInt, runError, typeName, type Value } from "./values.ts";

const monthMethods = named((value) => monthNames[Number(value.value) - 1] ?? "");
const weekdayMethods = named((value) => weekdayNames[Number(value.value)] ?? "");
const locationMethods: Methods<Location> = new Map([
  ["String", { parameters: [], results: [stringType], call: (location: Location) => location.zone.name }],
]);

const methodsByType: Readonly<Record<string, ReadonlyMap<string, Signature>>> = {
  "time.Time": timeMethods,
  "time.Duration": durationMethods,
  "time.Month": monthMethods,
  "time.Weekday": weekdayMethods,
  "*time.Location": locationMethods,
  "http.Header": headerMethods,
};

/** The type of a method of a known type, if there is one of that name. */
export function methodType(receiver: Type, name: string): Type | undefined {
  const method = methodsByType[receiver.name]?.get(name);
  return method && { name: signatureText(method), kind: "func", signature: method };
}

/** The method of a value, bound to it. */
export function methodOf(receiver: Value, name: string): Func | undefined {
  if (receiver instanceof Moment) return bind(receiver, timeMethods.get(name));
  if (receiver instanceof Duration) return bind(receiver, durationMethods.get(name));
  if (receiver instanceof Header) return bind(receiver, headerMethods.get(name));
  if (receiver instanceof Location) return bind(receiver, locationMethods.get(name));
  if (!(receiver instanceof NamedInt)) return undefined;
  if (receiver.type === "time.Month") return bind(receiver, monthMethods.get(name));
  return receiver.type === "time.Weekday" ? bind(receiver, weekdayMethods.get(name)) : undefined;
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
      const wanted = parameters[i] ?? unknownType;
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
  if (type === stringType) return "";
  if (type === intType) return 0n;
  if (type === durationType) return new Duration(0n);
  return type === timeType ? zeroMoment : null;
}

function named(text: (value: NamedInt) => string): Methods<NamedInt> {
  return new Map([
    ["String", { parameters: [], results: [stringType], call: (value: NamedInt) => text(value) }],
  ]);
}

/** Such as `func(string) int` or `func() (string, int)`. */
function signatureText(signature: Signature): string {
  const results = signature.results.map((result) => result.name);
  const tail = results.length > 1 ? ` (${results.join(", ")})` : results.map((name) => ` ${name}`).join("");
  return `func(${signature.parameters.map((parameter) => parameter.name).join(", ")})${tail}`;
}
