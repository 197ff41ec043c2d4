/** The builtins: native ones, and those defined in jq itself. */
import { arrayFunctions } from "./builtins/arrays.ts";
import { dateFunctions } from "./builtins/dates.ts";
import { mathFunctions } from "./builtins/math.ts";
import { valueFunctions } from "./builtins/objects.ts";
import { prelude } from "./builtins/prelude.ts";
import { regexpFunctions } from "./builtins/regexps.ts";
import { streamFunctions } from "./builtins/streams.ts";
import { textFunctions } from "./builtins/texts.ts";
import type { Evaluator } from "./evaluator.ts";
import type { NativeFunction, NativeGenerator } from "./native.ts";
import { computed, type Out, type Outs } from "./out.ts";
import { parseDefinitions } from "./parser.ts";
import { type Closure, emptyScope, type Scope } from "./scope.ts";
import { JqError, type JqValue } from "./values.ts";

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

  *call(evaluator: Evaluator, name: string, args: readonly Closure[], input: Out): Outs {
    const key = `${name}/${args.length}`;
    const generator = this.#generators.get(key);
    if (generator !== undefined) {
      yield* generator(evaluator, args, input);
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
    for (const values of argumentValues(evaluator, args, input.value)) {
      yield computed(native(input.value, values, evaluator), input);
    }
  }
}

/** All combinations of the arguments' values; those of the first change fastest. */
function* argumentValues(
  evaluator: Evaluator,
  args: readonly Closure[],
  input: JqValue,
): Generator<readonly JqValue[], void, undefined> {
  const last = args.at(-1);
  if (last === undefined) {
    yield [];
    return;
  }
  for (const value of evaluator.values(last.filter, last.scope, input)) {
    for (const others of argumentValues(evaluator, args.slice(0, -1), input)) yield [...others, value];
  }
}
