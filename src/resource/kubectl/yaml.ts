import type { Alias, Document, Node, Pair, ParsedNode, Scalar, YAMLMap } from "yaml";
import { ExecutorError } from "../../errors/index.ts";
import { isObject, type Json, objectOf } from "./json.ts";
import { readLeanYaml } from "./lean-yaml.ts";
import { memberName, plainScalar, taggedScalar } from "./yaml-scalar.ts";

/** An alias that stands for a list of aliases, and so on, grows without end: no object of Kubernetes has so many values. */
const valuesMax = 1_000_000;

/**
 * Reads one YAML document as sigs.k8s.io/yaml turns it into JSON, rules of YAML 1.1 included: a repeated key keeps its
 * last value. Throws BadRequest naming the line.
 */
export async function readYaml(text: string): Promise<Json> {
  return readLeanYaml(text) ?? (await readAnyYaml(text));
}

/** The same for whatever YAML there is: by the package, which takes longer to load than most manifests to read. */
export async function readAnyYaml(text: string): Promise<Json> {
  const yaml = await import("yaml");
  // Scalars are read here, where it is known whether they were quoted.
  const options = { version: "1.1", schema: "failsafe", uniqueKeys: false, logLevel: "silent" } as const;
  const [document] = yaml.parseAllDocuments(text, options) as Document.Parsed[];
  if (document === undefined) return null;
  const [problem] = document.errors;
  if (problem) throw malformed(problem.message.split("\n", 1)[0] ?? "", problem.linePos?.[0].line);
  return new Conversion(yaml, document).value(document.contents);
}

function malformed(text: string, line?: number): ExecutorError {
  const place = line === undefined ? "" : `line ${line}: `;
  return new ExecutorError("BadRequest", `yaml: ${place}${text.replace(/ at line \d+, column \d+:?$/, "")}`);
}

class Conversion {
  readonly #yaml: typeof import("yaml");
  readonly #open = new Set<Node>();
  /** Looked up once: the package's own way walks the document for each alias. */
  readonly #targets = new Map<Alias, Node>();
  #values = 0;

  constructor(yaml: typeof import("yaml"), document: Document.Parsed) {
    this.#yaml = yaml;
    const anchors = new Map<string, Node>();
    yaml.visit(document, {
      Alias: (_key, alias) => {
        const target = anchors.get(alias.source);
        if (target) this.#targets.set(alias, target);
      },
      Value: (_key, node) => {
        if (node.anchor) anchors.set(node.anchor, node);
      },
    });
  }

  /** Keys may be infinite, values in JSON cannot. */
  value(node: ParsedNode | Node | null | undefined): Json {
    const value = this.json(node);
    if (typeof value !== "number" || Number.isFinite(value)) return value;
    throw malformed(`json: unsupported value: ${Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"}`);
  }

  json(node: ParsedNode | Node | null | undefined): Json {
    this.#values += 1;
    if (this.#values > valuesMax) throw malformed("document contains excessive aliasing");
    if (!node) return null;
    if (this.#yaml.isAlias(node)) return this.json(this.#target(node));
    if (this.#yaml.isScalar(node)) return scalarOf(node);
    if (this.#open.has(node)) throw malformed("an anchor's value contains itself");
    this.#open.add(node);
    try {
      if (this.#yaml.isMap(node)) return this.#object(node);
      if (this.#yaml.isSeq(node)) return node.items.map((item) => this.value(item as Node));
      throw malformed("a value is of no known kind");
    } finally {
      this.#open.delete(node);
    }
  }

  #object(map: YAMLMap): Json {
    const members = new Map<string, Json>();
    const merges: Node[] = [];
    for (const { key, value } of map.items as Pair<Node, Node>[]) {
      if (this.#isMerge(key)) merges.push(value as Node);
      else {
        const source = this.#yaml.isScalar(key) ? String(key.value ?? "") : "";
        const name = memberName(this.json(key), source);
        members.delete(name);
        members.set(name, this.value(value));
      }
    }
    for (const source of merges) this.#merge(members, source);
    return objectOf(members);
  }

  #isMerge(key: Node): boolean {
    if (!this.#yaml.isScalar(key) || key.value !== "<<") return false;
    return key.tag === undefined ? key.type === "PLAIN" : key.tag.endsWith("merge");
  }

  /** What the mapping says itself goes before what it merges, and an earlier source before a later one. */
  #merge(members: Map<string, Json>, source: Node): void {
    const node = this.#yaml.isAlias(source) ? this.#target(source) : source;
    const sources = this.#yaml.isSeq(node) ? (node.items as Node[]) : [node];
    for (const each of sources) {
      const value = this.json(each);
      if (!isObject(value)) throw malformed("map merge requires map or sequence of maps as the value");
      for (const [name, member] of Object.entries(value)) if (!members.has(name)) members.set(name, member);
    }
  }

  #target(alias: Alias): Node {
    const target = this.#targets.get(alias);
    if (!target) throw malformed(`unknown anchor '${alias.source}' referenced`);
    return target;
  }
}

function scalarOf(node: Scalar): Json {
  const text = String(node.value ?? node.source ?? "");
  if (node.tag !== undefined && node.tag !== "!") return taggedScalar(node.tag, text);
  return node.type === "PLAIN" && node.tag === undefined ? plainScalar(text) : text;
}
