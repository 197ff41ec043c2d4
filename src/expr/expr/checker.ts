/** Checks a syntax tree against what is known before it runs (contract expressions.md 1.4). */

import { errorText } from "../../errors/index.ts";
import { compileRegexp } from "../text/regexp.ts";
import type { BuiltinNode, CallNode, ConditionalNode, LetNode, MemberNode, Node, SliceNode } from "./ast.ts";
import { BUILTINS, type Builtin } from "./builtins/index.ts";
import { binaryType, type Refusal, unaryType } from "./check-operators.ts";
import { methodType } from "./methods.ts";
import { sourceError } from "./source-error.ts";
import { PREDICATE_BUILTINS } from "./syntax.ts";
import {
  BOOL,
  BUILTIN_NAME,
  elementOf,
  GROUPS,
  INT,
  isAssignable,
  isBool,
  isInteger,
  isList,
  isNilType,
  isString,
  isUnknown,
  LIST,
  listOf,
  MAP,
  NIL,
  type Signature,
  type Type,
  typeOfValue,
  UNKNOWN,
} from "./types.ts";

/** Names and types of the top-level environment values. */
export type EnvTypes = ReadonlyMap<string, Type>;

export interface Checked {
  readonly type: Type;
  /** Places of the `in` operators whose left side is an int; the optimizer treats them differently. */
  readonly intMemberships: ReadonlySet<number>;
}

/** Throws BadRequest with the place of the first error. */
export function checkTypes(node: Node, source: string, env: EnvTypes): Checked {
  const checker = new Checker(source, env);
  const type = checker.check(node);
  return { type, intMemberships: checker.intMemberships };
}

interface PredicateScope {
  readonly collection: Type;
  readonly variables: ReadonlyMap<string, Type>;
}

class Checker {
  readonly intMemberships = new Set<number>();
  readonly #source: string;
  readonly #env: EnvTypes;
  readonly #variables: { readonly name: string; readonly type: Type }[] = [];
  readonly #scopes: PredicateScope[] = [];

  constructor(source: string, env: EnvTypes) {
    this.#source = source;
    this.#env = env;
  }

  check(node: Node): Type {
    switch (node.kind) {
      case "constant":
        return typeOfValue(node.value);
      case "name":
        return this.#name(node.name, node.at);
      case "unary":
        return this.#orFail(unaryType(node.operator, this.check(node.operand)), node.at);
      case "binary":
        return this.#binary(node);
      case "chain":
        return this.check(node.node);
      case "member":
        return this.#member(node, false);
      case "slice":
        return this.#slice(node);
      case "call":
        return this.#call(node);
      case "builtin":
        return this.#builtin(node);
      case "predicate":
        return this.check(node.body);
      case "pointer":
        return this.#pointer(node.name, node.at);
      case "conditional":
        return this.#conditional(node);
      case "let":
        return this.#let(node);
      case "sequence":
        return node.nodes.map((each) => this.check(each)).at(-1) ?? UNKNOWN;
      case "list":
        return this.#list(node.items);
      case "map":
        for (const { key, value } of node.pairs) {
          this.check(key);
          this.check(value);
        }
        return MAP;
    }
  }

  #fail(at: number, message: string): never {
    throw sourceError(this.#source, at, message);
  }

  #orFail(result: Type | Refusal, at: number): Type {
    return "problem" in result ? this.#fail(at, result.problem) : result;
  }

  #name(name: string, at: number): Type {
    const variable = this.#variables.findLast((each) => each.name === name);
    if (variable !== undefined) return variable.type;
    if (name === "$env") return UNKNOWN;
    const type = this.#env.get(name);
    if (type !== undefined) return type;
    if (isBuiltinName(name)) return BUILTIN_NAME;
    return this.#fail(at, `unknown name ${name}`);
  }

  /** Long chains of operators lean to the left, so that side is walked without recursion. */
  #binary(node: Node & { kind: "binary" }): Type {
    const spine = [node];
    let leftmost = node.left;
    while (leftmost.kind === "binary") {
      spine.push(leftmost);
      leftmost = leftmost.left;
    }
    let type = this.check(leftmost);
    for (const { operator, right, at } of spine.reverse()) {
      const rightType = this.check(right);
      if (operator === "in" && type.kind === "int") this.intMemberships.add(at);
      if (operator === "matches" && right.kind === "constant" && typeof right.value === "string") {
        this.#checkPattern(right.value, at);
      }
      type = this.#orFail(binaryType(operator, type, rightType), at);
    }
    return type;
  }

  #checkPattern(pattern: string, at: number): void {
    try {
      compileRegexp(pattern);
    } catch (error) {
      this.#fail(at, errorText(error));
    }
  }

  #conditional(node: ConditionalNode): Type {
    const condition = this.check(node.condition);
    if (!isBool(condition) && !isUnknown(condition)) {
      this.#fail(node.condition.at, `non-bool expression (type ${condition.name}) used as condition`);
    }
    const consequent = this.check(node.consequent);
    const otherwise = this.check(node.otherwise);
    if (isNilType(consequent)) return isNilType(otherwise) ? NIL : otherwise;
    if (isNilType(otherwise)) return consequent;
    return isAssignable(consequent, otherwise) ? consequent : UNKNOWN;
  }

  #let(node: LetNode): Type {
    const { name, at } = node;
    if (this.#env.has(name)) this.#fail(at, `cannot redeclare ${name}`);
    if (isBuiltinName(name)) this.#fail(at, `cannot redeclare builtin ${name}`);
    if (this.#variables.some((each) => each.name === name))
      this.#fail(at, `cannot redeclare variable ${name}`);
    this.#variables.push({ name, type: this.check(node.value) });
    const type = this.check(node.body);
    this.#variables.pop();
    return type;
  }

  #list(items: readonly Node[]): Type {
    const types = items.map((item) => this.check(item));
    const last = types.at(-1);
    const isUniform = types.every((type) => type.kind === last?.kind);
    return last !== undefined && isUniform ? listOf(last) : LIST;
  }

  #pointer(name: string, at: number): Type {
    const scope = this.#scopes.at(-1);
    if (scope === undefined) return this.#fail(at, "cannot use pointer accessor outside predicate");
    if (name === "") return elementOf(scope.collection);
    return scope.variables.get(name) ?? this.#fail(at, `unknown pointer #${name}`);
  }

  #member(node: MemberNode, isCallee: boolean): Type {
    const name =
      node.property.kind === "constant" && typeof node.property.value === "string"
        ? node.property.value
        : undefined;
    if (node.object.kind === "name" && node.object.name === "$env") return this.#envMember(node, name);
    const base = this.check(node.object);
    const property = this.check(node.property);
    if (isUnknown(base)) return UNKNOWN;
    if (name !== undefined && isNilType(base)) return this.#fail(node.at, `type nil has no field ${name}`);
    const method = name === undefined ? undefined : methodType(base, name);
    if (method !== undefined) return method;
    if (base.kind === "map") {
      const key = base.key ?? UNKNOWN;
      if (!isUnknown(property) && !isAssignable(property, key)) {
        this.#fail(node.property.at, `cannot use ${property.name} to get an element from ${base.name}`);
      }
      return elementOf(base);
    }
    if (isList(base)) {
      if (!isInteger(property) && !isUnknown(property)) {
        const rule = "array elements can only be selected using an integer";
        this.#fail(node.property.at, `${rule} (got ${property.name})`);
      }
      return elementOf(base);
    }
    if (name === undefined) return this.#fail(node.at, `type ${base.name}[${property.name}] is undefined`);
    return this.#fail(node.at, `type ${base.name} has no ${isCallee ? "method" : "field"} ${name}`);
  }

  /** `$env.x` is checked like `x`, but never means a builtin; `$env?.x` may be missing. */
  #envMember(node: MemberNode, name: string | undefined): Type {
    if (name === undefined) {
      this.check(node.property);
      return UNKNOWN;
    }
    const type = this.#env.get(name);
    if (type !== undefined) return type;
    return node.isOptional ? UNKNOWN : this.#fail(node.at, `unknown name ${name}`);
  }

  #slice(node: SliceNode): Type {
    const base = this.check(node.object);
    if (!isUnknown(base) && !isString(base) && !isList(base))
      this.#fail(node.at, `cannot slice ${base.name}`);
    for (const bound of [node.from, node.to]) {
      if (bound === undefined) continue;
      const type = this.check(bound);
      if (isUnknown(base) || isInteger(type) || isUnknown(type)) continue;
      this.#fail(bound.at, `non-integer slice index ${type.name}`);
    }
    return base;
  }

  #call(node: CallNode): Type {
    const { callee } = node;
    const type = callee.kind === "member" ? this.#member(callee, true) : this.check(callee);
    const name = calleeName(callee);
    if (isUnknown(type)) {
      for (const arg of node.args) this.check(arg);
      return UNKNOWN;
    }
    if (isNilType(type)) return this.#fail(node.at, `${name} is nil; cannot call nil as function`);
    if (type.signature === undefined) return this.#fail(node.at, `${type.name} is not callable`);
    const { results } = type.signature;
    if (results.length > 2) return this.#fail(node.at, `func ${name} returns more then two values`);
    const result = this.#tryArguments(name, type.signature, node.args, node.at);
    return "problem" in result ? this.#fail(result.at, result.problem) : result;
  }

  #builtin(node: BuiltinNode): Type {
    if (PREDICATE_BUILTINS.has(node.name)) return this.#predicateBuiltin(node);
    const builtin = BUILTINS.get(node.name);
    if (builtin === undefined) return this.#fail(node.at, `unknown name ${node.name}`);
    if (node.name === "get") return this.#get(node);
    return this.#plainBuiltin(node, builtin);
  }

  #plainBuiltin(node: BuiltinNode, builtin: Builtin): Type {
    if (typeof builtin.rule === "function") {
      const result = builtin.rule(node.args.map((arg) => this.check(arg)));
      return this.#orFail(result, node.at);
    }
    let last: Located | undefined;
    for (const signature of builtin.rule) {
      const result = this.#tryArguments(node.name, signature, node.args, node.at);
      if (!("problem" in result)) return result;
      last = result;
    }
    return this.#fail(last?.at ?? node.at, last?.problem ?? `${node.name} is not callable`);
  }

  /** The result of a call with these arguments, or where and why they do not fit. */
  #tryArguments(name: string, signature: Signature, args: readonly Node[], at: number): Type | Located {
    const { parameters, results } = signature;
    if (args.length > parameters.length) return { at, problem: `too many arguments to call ${name}` };
    if (args.length < parameters.length) return { at, problem: `not enough arguments to call ${name}` };
    for (const [i, arg] of args.entries()) {
      const type = this.check(arg);
      const wanted = parameters[i] ?? UNKNOWN;
      if (isUnknown(type) || isAssignable(type, wanted)) continue;
      const problem = `cannot use ${type.name} as argument (type ${wanted.name}) to call ${name} `;
      return { at: arg.at, problem };
    }
    return results[0] ?? UNKNOWN;
  }

  /** `get` knows what indexing gives. */
  #get(node: BuiltinNode): Type {
    const [object, property] = node.args;
    if (object === undefined || property === undefined || node.args.length > 2) {
      return this.#fail(node.at, `invalid number of arguments (expected 2, got ${node.args.length})`);
    }
    const base = this.check(object);
    const index = this.check(property);
    if (object.kind === "name" && object.name === "$env") {
      const name = property.kind === "constant" ? property.value : undefined;
      return (typeof name === "string" ? this.#env.get(name) : undefined) ?? UNKNOWN;
    }
    if (isUnknown(base)) return UNKNOWN;
    if (isList(base)) {
      if (!isInteger(index) && !isUnknown(index))
        this.#fail(property.at, `non-integer slice index ${index.name}`);
      return elementOf(base);
    }
    if (base.kind !== "map") return this.#fail(object.at, `type ${base.name} does not support indexing`);
    if (!isUnknown(index) && !isAssignable(index, base.key ?? UNKNOWN)) {
      this.#fail(property.at, `cannot use ${index.name} to get an element from ${base.name}`);
    }
    return elementOf(base);
  }

  #predicateBuiltin(node: BuiltinNode): Type {
    const { name } = node;
    const [list, predicate, extra] = node.args;
    if (list === undefined) return this.#fail(node.at, `not enough arguments to call ${name}`);
    const collection = this.check(list);
    if (!isList(collection) && !isUnknown(collection)) {
      this.#fail(list.at, `builtin ${name} takes only array (got ${collection.name})`);
    }
    const element = elementOf(collection);
    if (predicate === undefined) return name === "count" ? INT : element;
    const variables = new Map<string, Type>();
    if (name === "map" || name === "reduce") variables.set("index", INT);
    if (name === "reduce") variables.set("acc", UNKNOWN);
    this.#scopes.push({ collection, variables });
    const result = this.check(predicate);
    this.#scopes.pop();
    if (extra !== undefined) this.check(extra);
    if (BOOLEAN_PREDICATES.has(name) && !isBool(result) && !isUnknown(result)) {
      this.#fail(predicate.at, `predicate should return boolean (got ${result.name})`);
    }
    switch (name) {
      case "filter":
        return isUnknown(collection) ? LIST : listOf(element);
      case "map":
        return listOf(result);
      case "find":
      case "findLast":
        return element;
      case "sum":
      case "reduce":
        return result;
      case "sortBy":
        return isUnknown(collection) ? LIST : listOf(element);
      case "groupBy":
        return { ...GROUPS, element: isUnknown(collection) ? LIST : listOf(element) };
      case "count":
      case "findIndex":
      case "findLastIndex":
        return INT;
      default:
        return BOOL;
    }
  }
}

interface Located extends Refusal {
  readonly at: number;
}

const BOOLEAN_PREDICATES: ReadonlySet<string> = new Set([
  "all",
  "any",
  "none",
  "one",
  "filter",
  "find",
  "findLast",
  "findIndex",
  "findLastIndex",
  "count",
]);

/** Whether a name is a builtin of the language. */
export function isBuiltinName(name: string): boolean {
  return BUILTINS.has(name) || PREDICATE_BUILTINS.has(name);
}

function calleeName(callee: Node): string {
  if (callee.kind === "name") return callee.name;
  if (callee.kind === "member" && callee.property.kind === "constant") return String(callee.property.value);
  return "function";
}
