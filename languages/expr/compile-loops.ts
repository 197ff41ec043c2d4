/** The builtins that evaluate a predicate for each element, as instructions (docs/contract/expressions.md#1.8 and #1.9). */
import { type Assembler, isFalse, isTrue } from "./assembler.ts";
import type { BuiltinNode, Node } from "./ast.ts";
import { sortValues } from "./builtins/lists.ts";
import type { Machine } from "./machine.ts";
import { add, asBool } from "./operators.ts";
import { groupsType } from "./types.ts";
import { AnyMap, List, runError } from "./values.ts";

/** What the compiler lends: it appends the instructions of a node. */
export interface LoopContext {
  readonly code: Assembler;
  readonly node: BuiltinNode;
  compile(node: Node): void;
}

export function compileLoop(context: LoopContext): void {
  const { code, node } = context;
  const [list] = node.args;
  if (list === undefined) return;
  context.compile(list);
  code.emit(node.at, (machine) => machine.beginLoop(machine.pop()));
  loops[node.name]?.(context);
  code.emit(node.at, (machine) => machine.endLoop());
  // What a loop has put on the stack becomes a list only outside of it.
  if (node.name === "filter" || node.name === "map") code.emit(node.at, collect);
}

const loops: Readonly<Record<string, (context: LoopContext) => void>> = {
  all: (context) => search(context, { isNegated: false, stopAt: false }),
  none: (context) => search(context, { isNegated: true, stopAt: false }),
  any: (context) => search(context, { isNegated: false, stopAt: true }),
  one: (context) => {
    const { code, node } = context;
    eachElement(context, () => onMatch(context, () => code.emit(node.at, countMatch)));
    code.emit(node.at, (machine) => machine.push(machine.scope.count === 1));
  },
  filter: (context) => {
    const { code, node } = context;
    eachElement(context, () =>
      onMatch(context, () => {
        code.emit(node.at, countMatch);
        result(context);
      }),
    );
    code.emit(node.at, (machine) => machine.push(BigInt(machine.scope.count)));
  },
  map: (context) => {
    const { code, node } = context;
    eachElement(context, () => predicate(context));
    code.emit(node.at, (machine) => machine.push(BigInt(machine.scope.length)));
  },
  count,
  sum: (context) => {
    const { code, node } = context;
    code.emit(node.at, (machine) => {
      machine.scope.acc = 0n;
    });
    eachElement(context, () => {
      predicate(context);
      code.emit(node.at, (machine) => {
        const { scope } = machine;
        scope.acc = add(machine.pop(), scope.acc, machine.budget);
      });
    });
    code.emit(node.at, (machine) => machine.push(machine.scope.acc));
  },
  find: (context) => find(context, eachElement, () => result(context)),
  findLast: (context) => find(context, eachElementBackwards, () => result(context)),
  findIndex: (context) => find(context, eachElement, () => pushIndex(context)),
  findLastIndex: (context) => find(context, eachElementBackwards, () => pushIndex(context)),
  groupBy: (context) => {
    const { code, node } = context;
    code.emit(node.at, (machine) => {
      machine.scope.acc = new AnyMap(groupsType.name);
    });
    eachElement(context, () => {
      predicate(context);
      code.emit(node.at, group);
    });
    code.emit(node.at, (machine) => machine.push(machine.scope.acc));
  },
  sortBy,
  reduce,
};

/** Appends a body that runs once an element. */
function eachElement({ code, node }: LoopContext, body: () => void): void {
  const begin = code.steps.length;
  const end = code.jump(node.at, ({ scope }) => scope.index >= scope.length);
  body();
  code.emit(node.at, ({ scope }) => {
    scope.index++;
  });
  code.jumpBack(node.at, begin);
  end();
}

/** As {@link eachElement} from the last to the first. The test of each round stays on the stack. */
function eachElementBackwards({ code, node }: LoopContext, body: () => void): void {
  code.emit(node.at, ({ scope }) => {
    scope.index = scope.length - 1;
  });
  const begin = code.steps.length;
  code.emit(node.at, (machine) => machine.push(machine.scope.index >= 0));
  const end = code.jump(node.at, isFalse);
  body();
  code.emit(node.at, ({ scope }) => {
    scope.index--;
  });
  code.jumpBack(node.at, begin);
  end();
}

/** The predicate's value; without a predicate the element. */
function predicate(context: LoopContext): void {
  const [, body] = context.node.args;
  if (body !== undefined) context.compile(body);
  else pushItem(context);
}

function pushItem({ code, node }: LoopContext): void {
  code.emit(node.at, (machine) => machine.push(machine.scope.item));
}

function pushIndex({ code, node }: LoopContext): void {
  code.emit(node.at, (machine) => machine.push(BigInt(machine.scope.index)));
}

/** What a match gives. */
function result(context: LoopContext): void {
  if (context.node.result === undefined) pushItem(context);
  else context.compile(context.node.result);
}

function countMatch({ scope }: Machine): void {
  scope.count++;
}

/** Runs `body` for elements that meet the predicate. */
function onMatch(context: LoopContext, body: () => void): void {
  const { code, node } = context;
  predicate(context);
  const skip = code.jump(node.at, isFalse);
  code.pop(node.at);
  body();
  const over = code.jump(node.at);
  skip();
  code.pop(node.at);
  over();
}

/** Stops at the first element whose predicate, negated or not, is `stopAt`, and gives that. */
function search(context: LoopContext, { isNegated, stopAt }: { isNegated: boolean; stopAt: boolean }): void {
  const { code, node } = context;
  let stop = (): void => undefined;
  eachElement(context, () => {
    predicate(context);
    if (isNegated) code.emit(node.at, (machine) => machine.push(!asBool(machine.pop())));
    stop = code.jump(node.at, stopAt ? isTrue : isFalse);
    code.pop(node.at);
  });
  code.push(node.at, !stopAt);
  stop();
}

function find(context: LoopContext, each: typeof eachElement, onFound: () => void): void {
  const { code, node } = context;
  let stop = (): void => undefined;
  each(context, () => {
    predicate(context);
    const skip = code.jump(node.at, isFalse);
    code.pop(node.at);
    onFound();
    stop = code.jump(node.at);
    skip();
    code.pop(node.at);
  });
  if (node.isStrict === true) fail(context, "reflect: slice index out of range");
  else code.push(node.at, null);
  stop();
}

function fail({ code, node }: LoopContext, message: string): void {
  code.emit(node.at, () => {
    throw runError(message);
  });
}

function count(context: LoopContext): void {
  const { code, node } = context;
  let stop = (): void => undefined;
  eachElement(context, () =>
    onMatch(context, () => {
      code.emit(node.at, countMatch);
      if (node.countMax === undefined) return;
      const max = Number(node.countMax);
      stop = code.jump(node.at, ({ scope }) => scope.count >= max);
    }),
  );
  stop();
  code.emit(node.at, (machine) => machine.push(BigInt(machine.scope.count)));
}

/** Adds the element to the group whose key is on the stack. */
function group(machine: Machine): void {
  const { scope } = machine;
  if (scope.acc instanceof AnyMap) scope.acc.append(machine.pop(), scope.item);
}

function sortBy(context: LoopContext): void {
  const { code, node } = context;
  const [, , direction] = node.args;
  if (direction === undefined) code.push(node.at, "asc");
  else context.compile(direction);
  code.emit(node.at, (machine) => {
    const given = machine.pop();
    if (typeof given !== "string") throw runError("sortBy order argument must be a string");
    if (given !== "asc" && given !== "desc") throw runError("unknown order, use asc or desc");
    machine.scope.acc = given;
  });
  eachElement(context, () => {
    predicate(context);
    code.emit(node.at, (machine) => {
      const { scope } = machine;
      scope.sorted.keys.push(machine.pop());
      scope.sorted.items.push(scope.item);
    });
  });
  code.emit(node.at, (machine) => {
    const { acc, length, sorted } = machine.scope;
    const items = sortValues(sorted.items, sorted.keys, acc === "desc", machine.budget);
    machine.budget.charge(length);
    machine.push(new List(items));
  });
}

function reduce(context: LoopContext): void {
  const { code, node } = context;
  const [, , start] = node.args;
  const setAcc = (machine: Machine): void => {
    machine.scope.acc = machine.pop();
  };
  if (start === undefined) {
    const empty = code.jump(node.at, ({ scope }) => scope.index >= scope.length);
    pushItem(context);
    code.emit(node.at, ({ scope }) => {
      scope.index++;
    });
    code.emit(node.at, setAcc);
    const over = code.jump(node.at);
    empty();
    fail(context, "reduce of empty array with no initial value");
    over();
  } else {
    context.compile(start);
    code.emit(node.at, setAcc);
  }
  eachElement(context, () => {
    predicate(context);
    code.emit(node.at, setAcc);
  });
  code.emit(node.at, (machine) => machine.push(machine.scope.acc));
}

/** The values on the stack, under their number, as a list. */
export function collect(machine: Machine): void {
  const size = Number(machine.pop());
  machine.budget.charge(size);
  machine.push(new List(machine.take(size)));
}
