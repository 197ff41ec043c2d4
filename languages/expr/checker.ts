/** Checks a syntax tree against what is known before it runs (docs/contract/expressions.md#1.4). */

import { messageOf } from "../errors/index.ts";
import { compileRegexp } from "../text/regexp.ts";
import type { BuiltinNode, CallNode, ConditionalNode, LetNode, Node } from "./ast.ts";
import { type Builtin, builtins } from "./builtins/index.ts";
import { type CheckContext, getType, memberType, sliceType } from "./check-access.ts";
import { binaryType, type Refusal, unaryType } from "./check-operators.ts";
import { predicateProblem, predicateResult } from "./check-predicates.ts";
import { sourceError } from "./source-error.ts";
import { predicateBuiltins } from "./syntax.ts";
import {
  builtinNameType,
  elementOf,
  intType,
  isAssignable,
  isBool,
  isInteger,
  isList,
  isNilType,
  isString,
  isUnknown,
  listOf,
  listType,
  mapType,
  nilType,
  type Signature,
  type Type,
  typeOfValue,
  unknownType,
} from "./types.ts";

/** Names and types of the top-level environment values. */
export type EnvTypes = ReadonlyMap<string, Type>;

/** Writes the types of the nodes into the tree. Throws LanguageError with the place of the first error. */
export function checkTypes(node: Node, source: string, env: EnvTypes): void {
  new Checker(source, env).check(node);
}

interface PredicateScope {
  readonly collection: Type;
  readonly variables: ReadonlyMap<string, Type>;
}

class Checker implements CheckContext {
  readonly #source: string;
  readonly env: EnvTypes;
  readonly #variables: { readonly name: string; readonly type: Type }[] = [];
  readonly #scopes: PredicateScope[] = [];

  constructor(source: string, env: EnvTypes) {
    this.#source = source;
    this.env = env;
  }

  check(node: Node): Type {
    const type = this.#typeOf(node);
    node.type = type;
    return type;
  }

  #typeOf(node: Node): Type {
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
        return node.nodes.map((each) => this.check(each)).at(-1) ?? unknownType;
      case "list":
        return this.#list(node.items);
      case "map":
        for (const { key, value } of node.pairs) {
          this.check(key);
          this.check(value);
        }
        return mapType;
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
    if (name === "$env") return unknownType;
    const type = this.env.get(name);
    if (type !== undefined) return type;
    if (isBuiltinName(name)) return builtinNameType;
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
    for (const each of spine.reverse()) {
      const { operator, right, at } = each;
      const rightType = this.check(right);
      if (operator === "matches" && right.kind === "constant" && typeof right.value === "string") {
        this.#checkPattern(right.value, at);
      }
      type = this.#orFail(binaryType(operator, type, rightType), at);
      each.type = type;
    }
    return type;
  }

  #checkPattern(pattern: string, at: number): void {
    try {
      compileRegexp(pattern);
    } catch (error) {
      this.fail(at, messageOf(error));
    }
  }

  #conditional(node: ConditionalNode): Type {
    const condition = this.check(node.condition);
    if (!isBool(condition) && !isUnknown(condition)) {
      this.fail(node.condition.at, `non-bool expression (type ${condition.name}) used as condition`);
    }
    const consequent = this.check(node.consequent);
    const otherwise = this.check(node.otherwise);
    if (isNilType(consequent)) return isNilType(otherwise) ? nilType : otherwise;
    if (isNilType(otherwise)) return consequent;
    if (!isAssignable(consequent, otherwise)) return unknownType;
    // Lists of different elements are a list of anything.
    const [a, b] = [elementOf(consequent), elementOf(otherwise)];
    const isMixed = isList(consequent) && isList(otherwise) && !(isAssignable(a, b) && isAssignable(b, a));
    return isMixed ? listType : consequent;
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
    const last = types.at(-1) ?? unknownType;
    return types.every((type) => type.kind === last.kind) ? listOf(last) : listType;
  }

  #pointer(name: string, at: number): Type {
    const scope = this.#scopes.at(-1);
    if (scope === undefined) return this.fail(at, "cannot use pointer accessor outside predicate");
    if (name === "") return isUnknown(scope.collection) ? unknownType : elementOf(scope.collection);
    return scope.variables.get(name) ?? this.fail(at, `unknown pointer #${name}`);
  }

  #call(node: CallNode): Type {
    const { callee } = node;
    const type = callee.kind === "member" ? memberType(this, callee, true) : this.check(callee);
    callee.type = type;
    const name = calleeName(callee);
    // The reference does not look at the arguments either.
    if (isUnknown(type)) return unknownType;
    if (isNilType(type)) return this.fail(node.at, `${name} is nil; cannot call nil as function`);
    if (type.signature === undefined) return this.fail(node.at, `${type.name} is not callable`);
    const { results } = type.signature;
    if (results.length > 2) return this.fail(node.at, `func ${name} returns more then two values`);
    const result = this.#tryArguments(name, type.signature, node.args, node.at);
    return "problem" in result ? this.fail(result.at, result.problem) : result;
  }

  #builtin(node: BuiltinNode): Type {
    if (predicateBuiltins.has(node.name)) return this.#predicateBuiltin(node);
    const builtin = builtins.get(node.name);
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
    if (args.length !== parameters.length) {
      for (const arg of args) this.check(arg);
      return {
        at,
        problem: `${args.length > parameters.length ? "too many" : "not enough"} arguments to call ${name}`,
      };
    }
    for (const [i, arg] of args.entries()) {
      const type = this.check(arg);
      const wanted = parameters[i] ?? unknownType;
      if (isInteger(type) && isInteger(wanted)) continue;
      if (isNilType(type)) {
        if (["ptr", "interface"].includes(wanted.kind)) continue;
        return { at: arg.at, problem: `cannot use nil as argument (type ${wanted.name}) to call ${name}` };
      }
      if (isUnknown(type) || isAssignable(type, wanted)) continue;
      const problem = `cannot use ${type.name} as argument (type ${wanted.name}) to call ${name} `;
      return { at: arg.at, problem };
    }
    return results[0] ?? unknownType;
  }

  #predicateBuiltin(node: BuiltinNode): Type {
    const { name } = node;
    const [list, predicate, extra] = node.args;
    if (list === undefined) return this.fail(node.at, `not enough arguments to call ${name}`);
    const collection = this.check(list);
    if (!isList(collection) && !isUnknown(collection)) {
      this.fail(list.at, `builtin ${name} takes only array (got ${collection.name})`);
    }
    if (predicate === undefined) {
      if (name === "count") return intType;
      return isUnknown(collection) ? unknownType : elementOf(collection);
    }
    const variables = new Map<string, Type>();
    if (name === "map" || name === "reduce") variables.set("index", intType);
    if (name === "reduce") variables.set("acc", unknownType);
    this.#scopes.push({ collection, variables });
    const result = this.check(predicate);
    this.#scopes.pop();
    if (extra !== undefined) this.#extra(name, extra);
    const problem = predicateProblem(name, result);
    if (problem !== undefined) this.fail(predicate.at, problem);
    return predicateResult(name, collection, result);
  }

  #extra(name: string, node: Node): void {
    const type = this.check(node);
    if (name !== "sortBy" || isString(type) || isUnknown(type)) return;
    this.fail(node.at, `sortBy order argument must be a string (got ${type.name})`);
  }
}

interface Located extends Refusal {
  readonly at: number;
}

/** Whether a name is a builtin of the language. */
export function isBuiltinName(name: string): boolean {
  return builtins.has(name) || predicateBuiltins.has(name);
}

function calleeName(callee: Node): string {
  if (callee.kind === "name") return callee.name;
  if (callee.kind === "member" && callee.property.kind === "constant") return String(callee.property.value);
  return "function";
}
