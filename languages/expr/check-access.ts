/** Types of members, elements and slices (docs/contract/expressions.md#1.4, rule 5). */
import type { BuiltinNode, MemberNode, Node, SliceNode } from "./ast.ts";
import { methodType } from "./methods.ts";
import {
  anyType,
  elementOf,
  isAssignable,
  isInteger,
  isList,
  isNilType,
  isString,
  isUnknown,
  type Type,
  unknownType,
} from "./types.ts";

/** What the parts of the checker share. */
export interface CheckContext {
  readonly env: ReadonlyMap<string, Type>;
  check(node: Node): Type;
  /** Ends the check with the place of the error. */
  fail(at: number, message: string): never;
}

/** The type of `object.property`; `isCallee` when it is about to be called. */
export function memberType(context: CheckContext, node: MemberNode, isCallee: boolean): Type {
  const name =
    node.property.kind === "constant" && typeof node.property.value === "string"
      ? node.property.value
      : undefined;
  if (node.object.kind === "name" && node.object.name === "$env") return envMember(context, node, name);
  const base = context.check(node.object);
  const property = context.check(node.property);
  if (isUnknown(base)) return unknownType;
  if (name !== undefined && isNilType(base)) return context.fail(node.at, `type nil has no field ${name}`);
  const method = name === undefined ? undefined : methodType(base, name);
  if (method !== undefined) return method;
  if (base.kind === "map") {
    const key = base.key ?? anyType;
    if (!isUnknown(property) && !isAssignable(property, key)) {
      context.fail(node.property.at, `cannot use ${property.name} to get an element from ${base.name}`);
    }
    return elementOf(base);
  }
  if (isList(base)) {
    if (!isInteger(property) && !isUnknown(property)) {
      const rule = "array elements can only be selected using an integer";
      context.fail(node.property.at, `${rule} (got ${property.name})`);
    }
    return elementOf(base);
  }
  if (name === undefined) return context.fail(node.at, `type ${base.name}[${property.name}] is undefined`);
  return context.fail(node.at, `type ${base.name} has no ${isCallee ? "method" : "field"} ${name}`);
}

/** `$env.x` is checked like `x`, but never means a builtin; `$env?.x` may be missing. */
function envMember(context: CheckContext, node: MemberNode, name: string | undefined): Type {
  if (name === undefined) return unknownType;
  const type = context.env.get(name);
  if (type !== undefined) return type;
  return node.isOptional ? unknownType : context.fail(node.at, `unknown name ${name}`);
}

/** The type of `object[from:to]`, which is that of the object. */
export function sliceType(context: CheckContext, node: SliceNode): Type {
  const base = context.check(node.object);
  // The reference does not look at the bounds either.
  if (isUnknown(base)) return unknownType;
  if (!isString(base) && !isList(base)) context.fail(node.at, `cannot slice ${base.name}`);
  for (const bound of [node.from, node.to]) {
    if (bound === undefined) continue;
    const type = context.check(bound);
    if (!isInteger(type) && !isUnknown(type)) context.fail(bound.at, `non-integer slice index ${type.name}`);
  }
  return base;
}

/** `get` knows what indexing gives. */
export function getType(context: CheckContext, node: BuiltinNode): Type {
  const [object, property] = node.args;
  if (object === undefined || property === undefined || node.args.length > 2) {
    return context.fail(node.at, `invalid number of arguments (expected 2, got ${node.args.length})`);
  }
  const base = context.check(object);
  const index = context.check(property);
  if (object.kind === "name" && object.name === "$env") {
    const name = property.kind === "constant" ? property.value : undefined;
    return (typeof name === "string" ? context.env.get(name) : undefined) ?? unknownType;
  }
  if (isUnknown(base)) return unknownType;
  if (isList(base)) {
    if (!isInteger(index) && !isUnknown(index))
      context.fail(property.at, `non-integer slice index ${index.name}`);
    return elementOf(base);
  }
  if (base.kind !== "map") return context.fail(object.at, `type ${base.name} does not support indexing`);
  if (!isUnknown(index) && !isAssignable(index, base.key ?? anyType)) {
    context.fail(property.at, `cannot use ${index.name} to get an element from ${base.name}`);
  }
  return elementOf(base);
}
