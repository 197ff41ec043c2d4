/**
 * The stack machine that runs expressions. The reference runs them on such a machine and some of its loops leave
 * values behind on the stack, which operations with several operands then take for theirs: `[7, findLast([5], true)]`
 * is `[true, 5]`. So the stack is part of the language.
 */
import type { Budget } from "../budget.ts";
import { RegexpCache } from "../text/regexp.ts";
import { LoopScope } from "./loop-scope.ts";
import { List, runError, type Value } from "./values.ts";

/** One instruction. */
export type Step = (machine: Machine) => void;

/** Instructions, with the place in the expression that each of them comes from. */
export interface Program {
  readonly steps: readonly Step[];
  readonly places: readonly number[];
}

/** The state of one evaluation. */
export class Machine {
  readonly env: ReadonlyMap<string, Value>;
  readonly budget: Budget;
  readonly regexps = new RegexpCache();
  /** Values of `let` variables, by slot. */
  readonly variables: Value[] = [];
  /** Where the next instruction is; a jump changes it. */
  next = 0;
  readonly #stack: Value[] = [];
  readonly #scopes: LoopScope[] = [];

  constructor(env: ReadonlyMap<string, Value>, budget: Budget) {
    this.env = env;
    this.budget = budget;
  }

  /** Runs to the end; when that fails, `next` is behind the instruction that did. */
  run({ steps }: Program): Value {
    for (let step = steps[this.next]; step !== undefined; step = steps[this.next]) {
      this.next++;
      this.budget.step();
      step(this);
    }
    return this.pop();
  }

  push(value: Value): void {
    this.#stack.push(value);
  }

  /** Pushes what a function makes, and charges its text and its elements where the function has not done so itself. */
  pushResult(make: () => Value): void {
    const { budget } = this;
    const before = budget.textBytes;
    const value = make();
    if (budget.textBytes === before) {
      if (typeof value === "string") budget.chargeText(value.length);
      else if (value instanceof List) budget.chargeParts(value.length);
    }
    this.push(value);
  }

  pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined) throw runError("stack underflow");
    return value;
  }

  /** The topmost `count` values, the lowest first. */
  take(count: number): Value[] {
    if (count > this.#stack.length) throw runError("stack underflow");
    return this.#stack.splice(this.#stack.length - count);
  }

  /** The topmost value, which stays. */
  get top(): Value {
    return this.#stack.at(-1) ?? null;
  }

  /** The innermost loop. */
  get scope(): LoopScope {
    const scope = this.#scopes.at(-1);
    if (scope === undefined) throw runError("cannot use pointer accessor outside predicate");
    return scope;
  }

  beginLoop(collection: Value): void {
    // The elements of a text are its bytes.
    if (typeof collection === "string") this.budget.chargeText(collection.length);
    this.#scopes.push(new LoopScope(collection));
  }

  endLoop(): void {
    this.#scopes.pop();
  }
}
