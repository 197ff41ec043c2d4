/** Functions of regular expressions, in RE2's syntax. */
import { RE2JS } from "re2js";
import { messageOf } from "../../errors/index.ts";
import { codePointCount } from "../../text/byte-text.ts";
import type { NativeContext, NativeFunctions } from "../native.ts";
import { notApplicable } from "../problems.ts";
import { JqError, type JqValue } from "../values.ts";
import { textOf } from "./texts.ts";

export const regexpFunctions: NativeFunctions = {
  "_match/3": (input, [pattern = null, flags = null, testsOnly = null], context) =>
    match(input, pattern, flags, testsOnly === true, context),
};

interface Match {
  readonly start: number;
  readonly end: number;
  /** Start and end of each group; -1 for one that took no part. */
  readonly groups: readonly (readonly [number, number])[];
  readonly names: ReadonlyMap<number, string>;
}

function match(
  input: JqValue,
  pattern: JqValue,
  flags: JqValue,
  testsOnly: boolean,
  context: NativeContext,
): JqValue {
  if (typeof input !== "string" || typeof pattern !== "string") {
    throw notApplicable(testsOnly ? "test" : "match", input, pattern, flags);
  }
  if (flags !== null && typeof flags !== "string") {
    throw notApplicable(testsOnly ? "test" : "match", input, pattern, flags);
  }
  const found = matchesOf(input, pattern, flags ?? "", context);
  if (testsOnly) return found.length > 0;
  return found.map((each) => matchValue(input, each));
}

function matchValue(text: string, found: Match): JqValue {
  const captures = found.groups.map(([start, end], i): JqValue => {
    const isUsed = start >= 0;
    return new Map<string, JqValue>([
      ["offset", isUsed ? offset(text, start) : -1n],
      ["length", isUsed ? BigInt(codePointCount(text.slice(start, end))) : 0n],
      ["string", isUsed ? text.slice(start, end) : null],
      ["name", found.names.get(i + 1) ?? null],
    ]);
  });
  return new Map<string, JqValue>([
    ["offset", offset(text, found.start)],
    ["length", BigInt(codePointCount(text.slice(found.start, found.end)))],
    ["string", text.slice(found.start, found.end)],
    ["captures", captures],
  ]);
}

function offset(text: string, at: number): bigint {
  return BigInt(codePointCount(text.slice(0, at)));
}

function matchesOf(text: string, pattern: JqValue, flags: string, context: NativeContext): Match[] {
  if (/[^gim]/.test(flags))
    throw new JqError(`unsupported regular expression flag: ${JSON.stringify(flags)}`);
  // What is called m lets the point stand for the end of a line, too.
  const settings =
    (flags.includes("i") ? RE2JS.CASE_INSENSITIVE : 0) | (flags.includes("m") ? RE2JS.DOTALL : 0);
  const regexp = compile(textOf("match", pattern), settings, context);
  const names = new Map(Object.entries(regexp.namedGroups()).map(([name, group]) => [Number(group), name]));
  const matcher = regexp.matcher(text.toWellFormed());
  const found: Match[] = [];
  while (matcher.find()) {
    context.budget.step();
    const groups: (readonly [number, number])[] = [];
    for (let i = 1; i <= matcher.groupCount(); i++) groups.push([matcher.start(i), matcher.end(i)]);
    const each: Match = { start: matcher.start(), end: matcher.end(), groups, names };
    found.push(each);
    if (!flags.includes("g")) break;
  }
  return found;
}

function compile(pattern: string, settings: number, context: NativeContext): RE2JS {
  try {
    return context.regexps.get(pattern, settings);
  } catch (error) {
    throw new JqError(`invalid regular expression ${JSON.stringify(pattern)}: ${messageOf(error)}`);
  }
}
