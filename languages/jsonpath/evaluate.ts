/** Evaluates kubectl jsonpath templates (docs/contract/expressions.md#4.2 to #4.5). */

import type { Budget } from "../budget.ts";
import { LanguageError } from "../errors/index.ts";
import { guarded } from "../guarded.ts";
import { compareText } from "../text/byte-text.ts";
import type { JsonTree } from "../text/json-tree.ts";
import {
  type Content,
  childrenOf,
  displayed,
  documentOf,
  goType,
  isArray,
  isObject,
  type Json,
  nothing,
  printed,
} from "./document.ts";
import type { ArrayRange, Part, TemplateNode } from "./nodes.ts";
import { parseTemplate } from "./parser.ts";

/** The text that a template gives for a document. Throws LanguageError with kubectl's message. */
export function evaluateTemplate(template: string, document: JsonTree, budget: Budget): string {
  return guarded(() => {
    const output: string[] = [];
    new Evaluation(parseTemplate(template), output, budget).block(0, documentOf(document));
    return output.join("");
  });
}

class Evaluation {
  readonly #nodes: readonly TemplateNode[];
  readonly #output: string[];
  readonly #budget: Budget;
  #openRanges = 0;
  #begun = 0;
  #ended = 0;
  /** Where the block that ended last did so. */
  #endAt = 0;

  constructor(nodes: readonly TemplateNode[], output: string[], budget: Budget) {
    this.#nodes = nodes;
    this.#output = output;
    this.#budget = budget;
  }

  /** Runs from a node to the end of its block; a range without results runs once on nothing and prints nothing. */
  block(from: number, current: Content): void {
    for (let i = from; i < this.#nodes.length; i++) {
      this.#budget.step();
      const node = this.#nodes[i] ?? "";
      const results = typeof node === "string" ? [node] : this.#walk([current], node);
      if (this.#ended > 0 && this.#ended <= this.#openRanges) {
        this.#ended--;
        this.#endAt = i;
        return;
      }
      if (this.#begun > 0) {
        this.#begun--;
        i = this.#range(i + 1, results);
      } else if (current !== nothing) this.#print(results);
    }
  }

  /** Runs the body once a result and tells where to go on. */
  #range(from: number, results: readonly Content[]): number {
    this.#openRanges++;
    this.#endAt = from - 1;
    if (results.length === 0) this.block(from, nothing);
    for (const result of results) this.block(from, result);
    this.#openRanges--;
    return this.#endAt;
  }

  #print(results: readonly Content[]): void {
    const text = results.map(printed).join(" ");
    this.#budget.chargeText(text.length);
    this.#output.push(text);
  }

  /** Applies part after part to the results of the one before. */
  #walk(input: readonly Content[], parts: readonly Part[]): readonly Content[] {
    return parts.reduce<readonly Content[]>((values, part) => this.#apply(values, part), input);
  }

  #apply(input: readonly Content[], part: Part): readonly Content[] {
    this.#budget.step();
    switch (part.kind) {
      case "text":
        return [part.value];
      case "literal":
        return input.map(() => part.value);
      case "field":
        return input.flatMap((value) => memberOf(value, part.name));
      case "wildcard":
        return input.flatMap(childrenOf);
      case "recursive":
        return input.flatMap((value) => this.#containers(value));
      case "identifier":
        return this.#identifier(input, part.name);
      case "array":
        return selectRange(input, part.range);
      case "union":
        return part.alternatives.flatMap((alternative) => this.#walk(input, alternative));
      case "filter":
        return input.flatMap((value) => this.#filter(value, part));
    }
  }

  #identifier(input: readonly Content[], name: string): readonly Content[] {
    if (name === "range") {
      this.#begun++;
      return input;
    }
    if (name !== "end") throw problem(`unrecognized identifier ${name}`);
    if (this.#openRanges === 0) throw problem("not in range, nothing to end");
    this.#ended++;
    return [];
  }

  /** A value and all that has something in it, parents first; a text holds its bytes. */
  #containers(value: Content): Content[] {
    const found: Content[] = [];
    const stack: Content[] = [value];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      this.#budget.step();
      const children = childrenOf(next);
      if (children.length === 0) continue;
      found.push(next);
      stack.push(...children.toReversed());
    }
    return found;
  }

  #filter(list: Content, part: Part & { kind: "filter" }): readonly Json[] {
    if (!isArray(list)) throw problem(`${displayed(list)} is not array or slice and cannot be filtered`);
    return list.filter((element) => {
      if (part.operator === "exists") return this.#exists(element, part.left);
      const left = this.#walk([element], part.left);
      if (left.length > 1) throw problem("can only compare one element at a time");
      const right = left.length === 0 ? [] : this.#walk([element], part.right);
      if (right.length > 1) throw problem("can only compare one element at a time");
      const [a] = left;
      const [b] = right;
      return a !== undefined && b !== undefined && compare(a, part.operator, b);
    });
  }

  /** A path that fails leads to where it failed, which counts unless nothing was left there. */
  #exists(element: Json, path: readonly Part[]): boolean {
    let values: readonly Content[] = [element];
    for (const part of path) {
      try {
        values = this.#apply(values, part);
      } catch (error) {
        if (error instanceof LanguageError && error.code === "evaluation") return values.length > 0;
        throw error;
      }
    }
    return values.length > 0;
  }
}

function memberOf(value: Content, name: string): readonly Json[] {
  const member = isObject(value) ? value.get(name) : undefined;
  return member === undefined ? [] : [member];
}

function selectRange(input: readonly Content[], range: ArrayRange): readonly Content[] {
  const selected: Json[] = [];
  for (const value of input) {
    if (value === null || value === nothing) continue;
    if (!isArray(value)) throw problem(`${goType(value)} is not array or slice`);
    const size = value.length;
    const from = (range.from ?? 0) < 0 ? (range.from ?? 0) + size : (range.from ?? 0);
    const end = range.to ?? size;
    const to = end < 0 || (end === 0 && range.isSingle) ? end + size : end;
    if (from === to) return selected;
    if (from >= size || from < 0) throw problem(`array index out of bounds: index ${from}, length ${size}`);
    if (to > size || to < 0) throw problem(`array index out of bounds: index ${to - 1}, length ${size}`);
    if (from > to) throw problem(`starting index ${from} is greater than ending index ${to}`);
    if (range.step !== undefined && range.step <= 0) throw problem("step must be > 0");
    for (let i = from; i < to; i += range.step ?? 1) selected.push(value[i] ?? null);
  }
  return selected;
}

function compare(left: Content, operator: string, right: Content): boolean {
  const type = scalarType(left);
  const otherType = scalarType(right);
  if (!["==", "!=", "<", "<=", ">", ">="].includes(operator)) {
    throw problem(`unrecognized filter operator ${operator}`);
  }
  if (type === undefined || otherType === undefined) throw problem("invalid type for comparison");
  if (type !== otherType) throw problem("incompatible types for comparison");
  if (operator === "==") return left === right;
  if (operator === "!=") return left !== right;
  if (type === "boolean") throw problem("invalid type for comparison");
  const order = orderOf(left, right);
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

function orderOf(left: Content, right: Content): number {
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (typeof left === "bigint" && typeof right === "bigint") return left < right ? -1 : left > right ? 1 : 0;
  return Number(left) - Number(right);
}

function scalarType(value: Content): string | undefined {
  return value === null || typeof value === "object" ? undefined : typeof value;
}

function problem(message: string): LanguageError {
  return new LanguageError("evaluation", message);
}
