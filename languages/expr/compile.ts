/** A checked tree to a program for the stack machine (docs/contract/expressions.md#1.5 to #1.8). */
import { byteLength } from "../text/byte-text.ts";
import { fetch, lengthOf, slice } from "./access.ts";
import { Assembler, isFalse, isNilOnTop, isNotNil } from "./assembler.ts";
import type {
  BinaryNode,
  BuiltinNode,
  CallNode,
  ConditionalNode,
  LetNode,
  MapNode,
  MemberNode,
  Node,
  SliceNode,
} from "./ast.ts";
import { builtins } from "./builtins/index.ts";
import { collect, compileLoop } from "./compile-loops.ts";
import { emitOperation } from "./compile-operators.ts";
import type { Machine, Program } from "./machine.ts";
import { asBool, negate, notString } from "./operators.ts";
import { predicateBuiltins } from "./syntax.ts";
import { Func, runError, typeName, type Value } from "./values.ts";

export function compile(node: Node): Program {
  const compiler = new Compiler();
  compiler.compile(node);
  return compiler.code;
}

class Compiler {
  readonly code = new Assembler();
  /** The `let` variables in scope. */
  readonly #variables: { readonly name: string; readonly slot: number }[] = [];
  /** For each optional chain that is being compiled, the jumps to its end. */
  readonly #chains: (() => void)[][] = [];
  #slots = 0;

  /** Appends the instructions of a node; they leave its value on the stack. */
  compile(node: Node): void {
    switch (node.kind) {
      case "constant":
        this.code.push(node.at, node.value);
        break;
      case "name":
        this.#name(node.name, node.at);
        break;
      case "unary":
        this.#unary(node.operator, node.operand, node.at);
        break;
      case "binary":
        this.#binary(node);
        break;
      case "chain":
        this.#chain(node.node, node.at, false);
        break;
      case "member":
        this.#member(node);
        break;
      case "slice":
        this.#slice(node);
        break;
      case "call":
        this.#call(node);
        break;
      case "builtin":
        this.#builtin(node);
        break;
      case "predicate":
        this.compile(node.body);
        break;
      case "pointer":
        this.code.emit(node.at, pointers[node.name] ?? pushItem);
        break;
      case "conditional":
        this.#conditional(node);
        break;
      case "let":
        this.#let(node);
        break;
      case "sequence":
        this.#sequence(node.nodes, node.at);
        break;
      case "list":
        for (const item of node.items) this.compile(item);
        this.code.push(node.at, BigInt(node.items.length));
        this.code.emit(node.at, collect);
        break;
      case "map":
        this.#map(node);
        break;
    }
  }

  #name(name: string, at: number): void {
    const variable = this.#variables.findLast((each) => each.name === name);
    if (variable !== undefined) {
      const { slot } = variable;
      this.code.emit(at, (machine) => machine.push(machine.variables[slot] ?? null));
    } else if (name === "$env") this.code.emit(at, (machine) => machine.push(new Map(machine.env)));
    else this.code.emit(at, (machine) => machine.push(machine.env.get(name) ?? null));
  }

  #unary(operator: string, operand: Node, at: number): void {
    this.compile(operand);
    if (operator === "+") return;
    const change = operator === "-" ? negate : (value: Value): Value => !asBool(value);
    this.code.emit(at, (machine) => machine.push(change(machine.pop())));
  }

  /** Long chains of operators lean to the left, so that side is walked without recursion. */
  #binary(node: BinaryNode): void {
    const spine: BinaryNode[] = [];
    let leftmost: Node = node;
    for (; leftmost.kind === "binary"; leftmost = leftmost.left) spine.push(leftmost);
    this.#operand(leftmost, spine.at(-1)?.operator);
    for (const each of spine.reverse()) {
      emitOperation(this.code, each, () => this.#operand(each.right, each.operator));
    }
  }

  /** An optional chain beside `??` may end in a typed nil. */
  #operand(node: Node, operator: string | undefined): void {
    if (node.kind === "chain") this.#chain(node.node, node.at, operator === "??");
    else this.compile(node);
  }

  #chain(node: Node, at: number, isTypedNilKept: boolean): void {
    const { code } = this;
    const jumps: (() => void)[] = [];
    this.#chains.push(jumps);
    this.compile(node);
    for (const land of jumps) land();
    this.#chains.pop();
    if (isTypedNilKept) return;
    const over = code.jump(at, isNotNil);
    code.pop(at);
    code.push(at, null);
    over();
  }

  #member(node: MemberNode): void {
    this.compile(node.object);
    if (node.isOptional) this.#chains.at(-1)?.push(this.code.jump(node.at, isNilOnTop));
    this.compile(node.property);
    this.code.emit(node.at, (machine) => {
      const property = machine.pop();
      machine.push(fetch(machine.pop(), property));
    });
  }

  #slice(node: SliceNode): void {
    const { code } = this;
    this.compile(node.object);
    if (node.to !== undefined) this.compile(node.to);
    else code.emit(node.at, (machine) => machine.push(BigInt(lengthOf(machine.top))));
    if (node.from !== undefined) this.compile(node.from);
    else code.push(node.at, 0n);
    code.emit(node.at, (machine) => {
      const from = machine.pop();
      const to = machine.pop();
      const object = machine.pop();
      // Slices count bytes, so text that is not ASCII becomes bytes first.
      if (typeof object === "string" && byteLength(object) > object.length)
        machine.budget.chargeText(2 * object.length);
      machine.pushResult(() => slice(object, from, to));
    });
  }

  #call(node: CallNode): void {
    for (const arg of node.args) this.compile(arg);
    this.compile(node.callee);
    const { length } = node.args;
    const isTyped = typedCalls.has(node.callee.type?.name ?? "");
    this.code.emit(node.at, (machine) => {
      const callee = machine.pop();
      if (callee === null) throw runError("invalid operation: cannot call nil");
      if (!(callee instanceof Func)) {
        throw runError(`invalid operation: cannot call non-function of type ${typeName(callee)}`);
      }
      const args = machine.take(length);
      // What a method makes of a text, such as the parts of a layout, takes a multiple of it.
      for (const arg of args) if (typeof arg === "string") machine.budget.chargeParts(arg.length);
      machine.pushResult(() => callee.call(args, isTyped));
    });
  }

  #builtin(node: BuiltinNode): void {
    if (predicateBuiltins.has(node.name)) {
      compileLoop({ code: this.code, node, compile: (each) => this.compile(each) });
      return;
    }
    for (const arg of node.args) this.compile(arg);
    const call = builtins.get(node.name)?.call ?? (() => null);
    const { length } = node.args;
    this.code.emit(node.at, (machine) => {
      const args = machine.take(length);
      machine.pushResult(() => call(args, machine.budget));
    });
  }

  #conditional(node: ConditionalNode): void {
    const { code } = this;
    this.compile(node.condition);
    const otherwise = code.jump(node.at, isFalse);
    code.pop(node.at);
    this.compile(node.consequent);
    const end = code.jump(node.at);
    otherwise();
    code.pop(node.at);
    this.compile(node.otherwise);
    end();
  }

  #let(node: LetNode): void {
    this.compile(node.value);
    const slot = this.#slots++;
    this.code.emit(node.at, (machine) => {
      machine.variables[slot] = machine.pop();
    });
    this.#variables.push({ name: node.name, slot });
    this.compile(node.body);
    this.#variables.pop();
  }

  #sequence(nodes: readonly Node[], at: number): void {
    for (const [i, node] of nodes.entries()) {
      if (i > 0) this.code.pop(at);
      this.compile(node);
    }
  }

  /** The first of two equal keys wins. */
  #map(node: MapNode): void {
    for (const { key, value } of node.pairs) {
      this.compile(key);
      this.compile(value);
    }
    const { length } = node.pairs;
    this.code.emit(node.at, (machine) => {
      machine.budget.charge(length);
      const operands = machine.take(2 * length);
      const map = new Map<string, Value>();
      for (let i = operands.length - 2; i >= 0; i -= 2) {
        const name = operands[i] ?? null;
        if (typeof name !== "string") throw notString(name);
        map.set(name, operands[i + 1] ?? null);
      }
      machine.push(map);
    });
  }
}

/** Methods that the reference calls without reflection when it knows them. */
const typedCalls: ReadonlySet<string> = new Set([
  "func(time.Duration) time.Duration",
  "func(time.Duration) time.Time",
  "func(time.Time) time.Duration",
  "func(time.Time) bool",
  "func(string) []string",
  "func(string) string",
]);

const pointers: Readonly<Record<string, (machine: Machine) => void>> = {
  index: (machine) => machine.push(BigInt(machine.scope.index)),
  acc: (machine) => machine.push(machine.scope.acc),
};

function pushItem(machine: Machine): void {
  machine.push(machine.scope.item);
}
