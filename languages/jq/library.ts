/** The builtins: native ones, and those defined in jq itself. */
import type { Budget } from "../budget.ts";
import type { RegexpCache } from "../text/regexp.ts";
import { arrayFunctions } from "./builtins/arrays.ts";
import { dateFunctions } from "./builtins/dates.ts";
import { mathFunctions } from "./builtins/math.ts";
import { valueFunctions } from "./builtins/objects.ts";
import { prelude } from "./builtins/prelude.ts";
import { regexpFunctions } from "./builtins/regexps.ts";
import { streamFunctions } from "./builtins/streams.ts";
import { textFunctions } from "./builtins/texts.ts";
import type { Interpreter } from "./interpreter.ts";
import { computed, type Out, type Outs } from "./out.ts";
import { parseDefinitions } from "./parser.ts";
import { type Closure, emptyScope, type Scope } from "./scope.ts";
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
    const functions = {
      ...arrayFunctions,
      ...valueFunctions,
      ...textFunctions,
      ...mathFunctions,
      ...dateFunctions,
      ...regexpFunctions,
    };
    this.#functions = new Map(Object.entries(functions));
    this.#generators = new Map(Object.entries(streamFunctions));
    const definitions = new Map<string, Scope>();
    for (const definition of parseDefinitions(prelude)) {
      const key = `${definition.name}/${definition.parameters.length}`;
      definitions.set(key, { parent: emptyScope, definition });
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
