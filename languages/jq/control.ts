/** `try`, `label`, and calls of functions whose arguments have several values. */
import type { Filter } from "./ast.ts";
import type { Evaluator } from "./evaluator.ts";
import { computed, type Out, type Outs } from "./out.ts";
import { bindParameter, type Scope } from "./scope.ts";
import { JqError } from "./values.ts";

/** Ends the label of the same token. */
export class BreakSignal {
  readonly token: symbol;

  constructor(token: symbol) {
    this.token = token;
  }
}

export function* runTry(
  evaluator: Evaluator,
  filter: Filter & { kind: "try" },
  scope: Scope,
  input: Out,
): Outs {
  const body = evaluator.run(filter.body, scope, input);
  for (;;) {
    let next: IteratorResult<Out, void>;
    try {
      next = body.next();
    } catch (error) {
      if (!(error instanceof JqError)) throw error;
      if (filter.handler !== undefined)
        yield* evaluator.run(filter.handler, scope, computed(error.value, input));
      return;
    }
    if (next.done === true) return;
    yield next.value;
  }
}

export function* runLabel(
  evaluator: Evaluator,
  filter: Filter & { kind: "label" },
  scope: Scope,
  input: Out,
): Outs {
  const token = Symbol(filter.name);
  try {
    yield* evaluator.run(filter.body, { parent: scope, label: { name: filter.name, token } }, input);
  } catch (signal) {
    if (!(signal instanceof BreakSignal) || signal.token !== token) throw signal;
  }
}

/** A call of a defined function, with the parameters that are not bound yet and their arguments. */
export interface Call {
  readonly parameters: readonly string[];
  readonly args: readonly Filter[];
  readonly body: Filter;
  /** Where the arguments mean something. */
  readonly outer: Scope;
}

/** Binds the parameters in `inner` from the first on; `$name` stands for each value of its argument. */
export function* callDefined(evaluator: Evaluator, call: Call, inner: Scope, input: Out): Outs {
  const { body, outer } = call;
  const [parameter, ...parameters] = call.parameters;
  const [arg, ...args] = call.args;
  if (parameter === undefined || arg === undefined) {
    yield* evaluator.run(body, inner, input);
    return;
  }
  const rest = { parameters, args, body, outer };
  if (!parameter.startsWith("$")) {
    const bound: Scope = {
      parent: inner,
      closure: { name: parameter, closure: { filter: arg, scope: outer } },
    };
    yield* callDefined(evaluator, rest, bound, input);
    return;
  }
  const name = parameter.slice(1);
  for (const value of evaluator.values(arg, outer, input.value)) {
    const bound = bindParameter(inner, name, value, { filter: arg, scope: outer });
    yield* callDefined(evaluator, rest, bound, input);
  }
}
