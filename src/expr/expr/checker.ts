/** Checks a syntax tree against what is known before it runs (contract expressions.md 1.4). */

import { errorText } from "../../errors/index.ts";
import { compileRegexp } from "../text/regexp.ts";
import type { BuiltinNode, CallNode, ConditionalNode, LetNode, Node } from "./ast.ts";
import { BUILTINS, type Builtin } from "./builtins/index.ts";
import { type CheckContext, getType, memberType, sliceType } from "./check-access.ts";
import { binaryType, type Refusal, unaryType } from "./check-operators.ts";
import { BOOLEAN_PREDICATES, predicateResult } from "./check-predicates.ts";
import { sourceError } from "./source-error.ts";
import { PREDICATE_BUILTINS } from "./syntax.ts";
import {
  BUILTIN_NAME,
  elementOf,
  INT,
  isAssignable,
  isBool,
  isList,
  isNilType,
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

class Checker implements CheckContext {
  readonly intMemberships = new Set<number>();
  readonly #source: string;
  readonly env: EnvTypes;
  readonly #variables: { readonly name: string; readonly type: Type }[] = [];
  readonly #scopes: PredicateScope[] = [];

  constructor(source: string, env: EnvTypes) {
    this.#source = source;
    this.env = env;
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
        return memberType(this, node, false);
      case "slice":
        return sliceType(this, node);
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

  /** Ends the check. */
  fail(at: number, message: string): never {
    throw sourceError(this.#source, at, message);
  }

  #orFail(result: Type | Refusal, at: number): Type {
    return "problem" in result ? this.fail(at, result.problem) : result;
  }

  #name(name: string, at: number): Type {
    const variable = this.#variables.findLast((each) => each.name === name);
    if (variable !== undefined) return variable.type;
    if (name === "$env") return UNKNOWN;
    const type = this.env.get(name);
    if (type !== undefined) return type;
    if (isBuiltinName(name)) return BUILTIN_NAME;
    return this.fail(at, `unknown name ${name}`);
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
      this.fail(at, errorText(error));
    }
  }

  #conditional(node: ConditionalNode): Type {
    const condition = this.check(node.condition);
    if (!isBool(condition) && !isUnknown(condition)) {
      this.fail(node.condition.at, `non-bool expression (type ${condition.name}) used as condition`);
    }
    const consequent = this.check(node.consequent);
    const otherwise = this.check(node.otherwise);
    if (isNilType(consequent)) return isNilType(otherwise) ? NIL : otherwise;
    if (isNilType(otherwise)) return consequent;
    return isAssignable(consequent, otherwise) ? consequent : UNKNOWN;
  }

  #let(node: LetNode): Type {
    const { name, at } = node;
    if (this.env.has(name)) this.fail(at, `cannot redeclare ${name}`);
    if (isBuiltinName(name)) this.fail(at, `cannot redeclare builtin ${name}`);
    if (this.#variables.some((each) => each.name === name))
      this.fail(at, `cannot redeclare variable ${name}`);
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
    if (scope === undefined) return this.fail(at, "cannot use pointer accessor outside predicate");
    if (name === "") return elementOf(scope.collection);
    return scope.variables.get(name) ?? this.fail(at, `unknown pointer #${name}`);
  }

  #call(node: CallNode): Type {
    const { callee } = node;
    const type = callee.kind === "member" ? memberType(this, callee, true) : this.check(callee);
    const name = calleeName(callee);
    if (isUnknown(type)) {
      for (const arg of node.args) this.check(arg);
      return UNKNOWN;
    }
    if (isNilType(type)) return this.fail(node.at, `${name} is nil; cannot call nil as function`);
    if (type.signature === undefined) return this.fail(node.at, `${type.name} is not callable`);
    const { results } = type.signature;
    if (results.length > 2) return this.fail(node.at, `func ${name} returns more then two values`);
    const result = this.#tryArguments(name, type.signature, node.args, node.at);
    return "problem" in result ? this.fail(result.at, result.problem) : result;
  }

  #builtin(node: BuiltinNode): Type {
    if (PREDICATE_BUILTINS.has(node.name)) return this.#predicateBuiltin(node);
    const builtin = BUILTINS.get(node.name);
    if (builtin === undefined) return this.fail(node.at, `unknown name ${node.name}`);
    if (node.name === "get") return getType(this, node);
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
    return this.fail(last?.at ?? node.at, last?.problem ?? `${node.name} is not callable`);
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

  #predicateBuiltin(node: BuiltinNode): Type {
    const { name } = node;
    const [list, predicate, extra] = node.args;
    if (list === undefined) return this.fail(node.at, `not enough arguments to call ${name}`);
    const collection = this.check(list);
    if (!isList(collection) && !isUnknown(collection)) {
      this.fail(list.at, `builtin ${name} takes only array (got ${collection.name})`);
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
      this.fail(predicate.at, `predicate should return boolean (got ${result.name})`);
    }
    return predicateResult(name, collection, result);
  }
}

interface Located extends Refusal {
  readonly at: number;
}

/** Whether a name is a builtin of the language. */
export function isBuiltinName(name: string): boolean {
  return BUILTINS.has(name) || PREDICATE_BUILTINS.has(name);
}

function calleeName(callee: Node): string {
  if (callee.kind === "name") return callee.name;
  if (callee.kind === "member" && callee.property.kind === "constant") return String(callee.property.value);
  return "function";
}
