/** A checked tree to closures that evaluate it (contract expressions.md 1.5 to 1.8). */
import type { Budget } from "../budget.ts";
import { textOfBytes } from "../text/byte-text.ts";
import { compileRegexp, matchesAnywhere } from "../text/regexp.ts";
import { fetch, isIn, mapKey, slice } from "./access.ts";
import type { BinaryNode, BuiltinNode, CallNode, MapNode, MemberNode, Node, SliceNode } from "./ast.ts";
import { BUILTINS } from "./builtins/index.ts";
import { equal } from "./equality.ts";
import type { Code, Frame } from "./frame.ts";
import { compileLoop } from "./loops.ts";
import { evaluateOperands, takeFromStack } from "./operands.ts";
import {
  add,
  asBool,
  divide,
  makeRange,
  modulo,
  multiply,
  negate,
  notString,
  order,
  power,
  subtract,
  textTest,
} from "./operators.ts";
import { PREDICATE_BUILTINS } from "./syntax.ts";
import { Func, isNil, List, runError, typeName, type Value } from "./values.ts";

/** Names of the `let` variables in scope; a variable's slot is its position. */
type Scope = readonly string[];

/** What stands for the rest of an optional chain whose base was nil. */
const SKIPPED = new List([], "any", true);

export function compile(node: Node, scope: Scope = []): Code {
  switch (node.kind) {
    case "constant": {
      const { value } = node;
      return () => value;
    }
    case "name":
      return compileName(node.name, scope);
    case "unary":
      return compileUnary(node.operator, compile(node.operand, scope), node.at);
    case "binary":
      return compileBinary(node, scope);
    case "chain": {
      const inner = compile(node.node, scope);
      return (frame) => {
        const value = inner(frame);
        return value === SKIPPED ? null : value;
      };
    }
    case "member":
      return compileMember(node, scope);
    case "slice":
      return compileSlice(node, scope);
    case "call":
      return compileCall(node, scope);
    case "builtin":
      return compileBuiltin(node, scope);
    case "predicate":
      return compile(node.body, scope);
    case "pointer":
      return compilePointer(node.name);
    case "conditional": {
      const condition = compile(node.condition, scope);
      const consequent = compile(node.consequent, scope);
      const otherwise = compile(node.otherwise, scope);
      const { at } = node.condition;
      return (frame) => {
        const value = condition(frame);
        frame.at = at;
        return asBool(value) ? consequent(frame) : otherwise(frame);
      };
    }
    case "let": {
      const value = compile(node.value, scope);
      const body = compile(node.body, [...scope, node.name]);
      const slot = scope.length;
      return (frame) => {
        frame.variables[slot] = value(frame);
        return body(frame);
      };
    }
    case "sequence": {
      const parts = node.nodes.map((each) => compile(each, scope));
      return (frame) => parts.reduce<Value>((_, part) => part(frame), null);
    }
    case "list": {
      const items = node.items.map((item) => compile(item, scope));
      const { at } = node;
      return (frame) => {
        const values = evaluateOperands(items, frame);
        frame.at = at;
        frame.budget.charge(values.length);
        return new List(values);
      };
    }
    case "map":
      return compileMap(node, scope);
  }
}

function compileName(name: string, scope: Scope): Code {
  const slot = scope.lastIndexOf(name);
  if (slot >= 0) return (frame) => frame.variables[slot] ?? null;
  if (name === "$env") return (frame) => new Map(frame.env);
  return (frame) => frame.env.get(name) ?? null;
}

function compilePointer(name: string): Code {
  if (name === "index") return (frame) => frame.scope.index;
  return name === "acc" ? (frame) => frame.scope.acc : (frame) => frame.scope.item;
}

function compileUnary(operator: string, operand: Code, at: number): Code {
  if (operator === "+") return operand;
  const isNot = operator !== "-";
  return (frame) => {
    const value = operand(frame);
    frame.at = at;
    return isNot ? !asBool(value) : negate(value);
  };
}

/** What a step of a chain of operators makes of the value so far. */
type Step = (left: Value, frame: Frame) => Value;

/** Long chains of operators lean to the left, so they run as a loop. */
function compileBinary(node: BinaryNode, scope: Scope): Code {
  const spine: BinaryNode[] = [];
  let leftmost: Node = node;
  for (; leftmost.kind === "binary"; leftmost = leftmost.left) spine.push(leftmost);
  const first = compile(leftmost, scope);
  const steps = spine.reverse().map((each) => compileStep(each, compile(each.right, scope)));
  const [only] = steps;
  if (steps.length === 1 && only !== undefined) return (frame) => only(first(frame), frame);
  return (frame) => {
    let value = first(frame);
    for (const step of steps) value = step(value, frame);
    return value;
  };
}

function compileStep(node: BinaryNode, right: Code): Step {
  const { operator, at } = node;
  switch (operator) {
    case "and":
    case "&&":
    case "or":
    case "||": {
      const decides = operator === "or" || operator === "||";
      return (left, frame) => {
        frame.at = at;
        return asBool(left) === decides ? left : right(frame);
      };
    }
    case "??":
      return (left, frame) => (isNil(left) ? right(frame) : left);
    case "matches":
      return compileMatches(node, right);
  }
  const operation = OPERATIONS[operator];
  return (first, frame) => {
    const { residue } = frame;
    const mark = residue.length;
    const second = right(frame);
    frame.at = at;
    frame.budget.step();
    const isClean = residue.length === mark;
    const [left = null, value = null] = isClean
      ? [first, second]
      : takeFromStack(frame, [first, second], [mark, residue.length]);
    return operation === undefined ? textTest(operator, left, value) : operation(left, value, frame.budget);
  };
}

const OPERATIONS: Readonly<Record<string, (left: Value, right: Value, budget: Budget) => Value>> = {
  "+": add,
  "-": subtract,
  "*": multiply,
  "/": divide,
  "%": modulo,
  "**": (left, right) => power("**", left, right),
  "^": (left, right) => power("^", left, right),
  "==": equal,
  "!=": (left, right) => !equal(left, right),
  "<": (left, right) => order("<", left, right) < 0,
  ">": (left, right) => order(">", left, right) > 0,
  "<=": (left, right) => order("<=", left, right) <= 0,
  ">=": (left, right) => order(">=", left, right) >= 0,
  in: isIn,
  "in texts": (left, right) => right instanceof List && right.items.includes(mapKey(left)),
  "..": makeRange,
};

function compileMatches(node: BinaryNode, right: Code): Step {
  const constant = node.right.kind === "constant" ? node.right.value : undefined;
  const compiled = typeof constant === "string" ? compileRegexp(constant) : undefined;
  return (left, frame) => {
    const pattern = compiled === undefined ? right(frame) : null;
    frame.at = node.at;
    frame.budget.step();
    if (isNil(left) || (compiled === undefined && isNil(pattern))) return false;
    const text = left instanceof Uint8Array ? textOfBytes(left) : left;
    if (compiled === undefined && typeof pattern !== "string") throw notString(pattern);
    if (typeof text !== "string")
      throw runError(`interface conversion: interface {} is ${typeName(text)}, not []uint8`);
    return matchesAnywhere(compiled ?? frame.regexps.get(String(pattern)), text);
  };
}

function compileMember(node: MemberNode, scope: Scope): Code {
  const object = compile(node.object, scope);
  const property = compile(node.property, scope);
  const { at, isOptional } = node;
  return (frame) => {
    const base = object(frame);
    if (base === SKIPPED) return SKIPPED;
    if (isOptional && isNil(base)) return SKIPPED;
    const mark = frame.residue.length;
    const key = property(frame);
    frame.at = at;
    if (frame.residue.length === mark) return fetch(base, key);
    const [shifted = null, top = null] = takeFromStack(frame, [base, key], [mark, frame.residue.length]);
    return fetch(shifted, top);
  };
}

function compileSlice(node: SliceNode, scope: Scope): Code {
  const object = compile(node.object, scope);
  const from = node.from && compile(node.from, scope);
  const to = node.to && compile(node.to, scope);
  const codes = [object, to, from].filter((code) => code !== undefined);
  return (frame) => {
    const operands = evaluateOperands(codes, frame);
    frame.at = node.at;
    const [base = null, second, third] = operands;
    return to === undefined ? slice(base, second, undefined) : slice(base, third, second);
  };
}

function compileCall(node: CallNode, scope: Scope): Code {
  const callee = compile(node.callee, scope);
  const codes = [...node.args.map((arg) => compile(arg, scope)), callee];
  return (frame) => {
    const values = evaluateOperands(codes, frame);
    const target = values.pop() ?? null;
    if (target === SKIPPED) return SKIPPED;
    frame.at = node.at;
    if (target instanceof Func) return target.call(values);
    if (isNil(target)) throw runError("invalid operation: cannot call nil");
    throw runError(`invalid operation: cannot call non-function of type ${typeName(target)}`);
  };
}

function compileBuiltin(node: BuiltinNode, scope: Scope): Code {
  if (PREDICATE_BUILTINS.has(node.name)) {
    const result = node.result && compile(node.result, scope);
    const [list, predicate, extra] = node.args.map((arg) => compile(arg, scope));
    return compileLoop(node, { list: list ?? (() => null), predicate, extra, result });
  }
  const call = BUILTINS.get(node.name)?.call ?? (() => null);
  const args = node.args.map((arg) => compile(arg, scope));
  const { at } = node;
  return (frame) => {
    const values = evaluateOperands(args, frame);
    frame.at = at;
    frame.budget.step();
    return call(values, frame.budget);
  };
}

/** The first of two equal keys wins. */
function compileMap(node: MapNode, scope: Scope): Code {
  const codes = node.pairs.flatMap(({ key, value }) => [compile(key, scope), compile(value, scope)]);
  return (frame) => {
    const operands = evaluateOperands(codes, frame);
    frame.at = node.at;
    const map = new Map<string, Value>();
    for (let i = 0; i < operands.length; i += 2) {
      const name = operands[i] ?? null;
      if (typeof name !== "string") throw notString(name);
      if (!map.has(name)) map.set(name, operands[i + 1] ?? null);
    }
    frame.budget.charge(node.pairs.length);
    return map;
  };
}
