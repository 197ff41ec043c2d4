/** The builtins: native ones, and those defined in jq itself. */
import type { Budget } from "../budget.ts";
import type { RegexpCache } from "../text/regexp.ts";
import { ARRAYS } from "./builtins/arrays.ts";
import { DATES } from "./builtins/dates.ts";
import { MATH } from "./builtins/math.ts";
import { OBJECTS } from "./builtins/objects.ts";
import { PRELUDE } from "./builtins/prelude.ts";
import { REGEXPS } from "./builtins/regexps.ts";
import { STREAMS } from "./builtins/streams.ts";
import { TEXTS } from "./builtins/texts.ts";
import type { Interpreter } from "./interpreter.ts";
import { computed, type Out, type Outs } from "./out.ts";
import { parseDefinitions } from "./parser.ts";
import { type Closure, EMPTY_SCOPE, type Scope } from "./scope.ts";
import { JqError, type JqValue } from "./values.ts";

/** What a native function may use besides its arguments. */
export interface NativeContext {
  readonly budget: Budget;
  readonly regexps: RegexpCache;
}

/** A function of the input and of one value for each argument. */
export type NativeFunction = (input: JqValue, args: readonly JqValue[], context: NativeContext) => JqValue;

/** A function that runs its arguments itself. */
export type NativeGenerator = (interpreter: Interpreter, args: readonly Closure[], input: Out) => Outs;

/** By `name/arity`. */
export type NativeFunctions = Readonly<Record<string, NativeFunction>>;

export class BuiltinLibrary {
  readonly names: ReadonlySet<string>;
  readonly #functions: ReadonlyMap<string, NativeFunction>;
  readonly #generators: ReadonlyMap<string, NativeGenerator>;
  readonly #definitions: ReadonlyMap<string, Scope>;

  constructor() {
    const functions = { ...ARRAYS, ...OBJECTS, ...TEXTS, ...MATH, ...DATES, ...REGEXPS };
    this.#functions = new Map(Object.entries(functions));
    this.#generators = new Map(Object.entries(STREAMS));
    const definitions = new Map<string, Scope>();
    for (const definition of parseDefinitions(PRELUDE)) {
      const key = `${definition.name}/${definition.parameters.length}`;
      definitions.set(key, { parent: EMPTY_SCOPE, definition });
    }
    this.#definitions = definitions;
    this.names = new Set([
      ...this.#functions.keys(),
      ...this.#generators.keys(),
      ...definitions.keys(),
      "builtins/0",
    ]);
  }

  /** The scope of a builtin that is defined in jq. */
  definition(name: string, arity: number): Scope | undefined {
    return this.#definitions.get(`${name}/${arity}`);
  }

  isPlain(name: string, arity: number): boolean {
    return this.#functions.has(`${name}/${arity}`);
  }

  *call(interpreter: Interpreter, name: string, args: readonly Closure[], input: Out): Outs {
    const key = `${name}/${args.length}`;
    const generator = this.#generators.get(key);
    if (generator !== undefined) {
      yield* generator(interpreter, args, input);
      return;
    }
    if (key === "builtins/0") {
      yield computed(
        [...this.names].filter((each) => !each.startsWith("_")),
        input,
      );
      return;
    }
    const native = this.#functions.get(key);
    if (native === undefined) throw new JqError(`function not defined: ${key}`);
    for (const values of argumentValues(interpreter, args, input.value)) {
      yield computed(native(input.value, values, interpreter), input);
    }
  }
}

/** All combinations of the arguments' values; those of the first change fastest. */
function* argumentValues(
  interpreter: Interpreter,
  args: readonly Closure[],
  input: JqValue,
): Generator<readonly JqValue[], void, undefined> {
  const last = args.at(-1);
  if (last === undefined) {
    yield [];
    return;
  }
  for (const value of interpreter.values(last.filter, last.scope, input)) {
    for (const others of argumentValues(interpreter, args.slice(0, -1), input)) yield [...others, value];
  }
}
