/** Finds names without a meaning before anything runs. */
import { type Definition, type Filter, type Pattern, variablesOf } from "./ast.ts";
import { JqError } from "./values.ts";

interface Names {
  readonly functions: ReadonlySet<string>;
  readonly variables: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
}

/** `builtins` are `name/arity`. Throws JqError for the first name that is not defined. */
export function checkNames(filter: Filter, builtins: ReadonlySet<string>): void {
  const visit = (node: Filter | undefined, names: Names): void => {
    if (node === undefined) return;
    switch (node.kind) {
      case "call":
        checkCall(node, names, builtins);
        for (const arg of node.args) visit(arg, names);
        return;
      case "variable":
        if (!names.variables.has(node.name) && node.name !== "ENV") {
          throw new JqError(`variable not defined: $${node.name}`);
        }
        return;
      case "string":
        for (const part of node.parts) if (typeof part !== "string") visit(part, names);
        return;
      case "break":
        if (!names.labels.has(node.name)) throw new JqError(`label not defined: $${node.name}`);
        return;
      case "label":
        visit(node.body, { ...names, labels: names.labels.union(new Set([node.name])) });
        return;
      case "def":
        visit(node.definition.body, insideDefinition(node.definition, names));
        visit(node.body, withFunctions(names, [keyOf(node.definition)]));
        return;
      case "bind": {
        visit(node.source, names);
        const bound = withVariables(names, node.patterns);
        for (const pattern of node.patterns) visitPattern(pattern, bound);
        visit(node.body, bound);
        return;
      }
      case "reduce":
      case "foreach": {
        visit(node.source, names);
        visit(node.start, names);
        const bound = withVariables(names, [node.pattern]);
        visitPattern(node.pattern, bound);
        visit(node.update, bound);
        if (node.kind === "foreach") visit(node.extract, bound);
        return;
      }
      case "object":
        for (const { key, value } of node.entries) {
          visit(key, names);
          visit(value, names);
        }
        return;
      default:
        for (const child of Object.values(node)) {
          if (typeof child === "object" && child !== null && "kind" in child) visit(child as Filter, names);
        }
    }
  };
  const visitPattern = (pattern: Pattern, names: Names): void => {
    if (pattern.kind === "array") for (const item of pattern.items) visitPattern(item, names);
    if (pattern.kind !== "object") return;
    for (const entry of pattern.entries) {
      visit(entry.key, names);
      if (entry.value !== undefined) visitPattern(entry.value, names);
    }
  };
  visit(filter, { functions: new Set(), variables: new Set(), labels: new Set() });
}

function checkCall(node: Filter & { kind: "call" }, names: Names, builtins: ReadonlySet<string>): void {
  const key = `${node.name}/${node.args.length}`;
  if (names.functions.has(key)) return;
  // There is nothing to read from, and nowhere to write to.
  if (key === "input/0" || key === "inputs/0") throw new JqError("input(s)/0 is not allowed");
  if (builtins.has(key) && key !== "debug/1") return;
  throw new JqError(`function not defined: ${key}`);
}

function keyOf(definition: Definition): string {
  return `${definition.name}/${definition.parameters.length}`;
}

function withFunctions(names: Names, keys: readonly string[]): Names {
  return { ...names, functions: names.functions.union(new Set(keys)) };
}

function withVariables(names: Names, patterns: readonly Pattern[]): Names {
  return { ...names, variables: names.variables.union(new Set(patterns.flatMap(variablesOf))) };
}

function insideDefinition(definition: Definition, names: Names): Names {
  const parameters = definition.parameters.map((parameter) => parameter.replace("$", ""));
  const inner = withFunctions(names, [keyOf(definition), ...parameters.map((name) => `${name}/0`)]);
  const bound = definition.parameters
    .filter((parameter) => parameter.startsWith("$"))
    .map((name) => name.slice(1));
  return { ...inner, variables: inner.variables.union(new Set(bound)) };
}
