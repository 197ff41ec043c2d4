// Keeps the architecture true (ARCHITECTURE.md): buildings are entered by those who may, imports point one way,
// folders are entered through their index.ts, files form no circles, and only cmd/ touches the process. Prints each
// breach with the rule it breaks.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** Who may import what of another building. */
const buildings: Readonly<Record<string, readonly string[]>> = {
  cmd: ["src", "desk", "languages"],
  src: ["languages"],
  desk: ["src", "languages"],
  languages: [],
};

/** Inside src/, lower layers know nothing of higher ones. */
const layers: readonly (readonly string[])[] = [
  ["supervisor"],
  ["init", "wait", "agent", "resource", "data", "artifact-delete", "artifact-plugin-init", "sync"],
  ["inputs", "outputs"],
  ["artifacts", "archive", "transfer", "kube", "podfiles"],
  ["template"],
  ["addon", "http", "grpc", "tracing", "retry", "limits", "errors", "files", "log", "streams"],
];

/** What folders of one layer may share. */
const allowed = new Set([
  "artifacts>transfer",
  "http>retry",
  "http>errors",
  "http>limits",
  "http>streams",
  "retry>errors",
  "limits>errors",
  "files>errors",
  "grpc>errors",
  "tracing>grpc",
  "tracing>http",
  "tracing>retry",
  "tracing>errors",
  "streams>errors",
]);

/** Buildings that are one area each: what is in them may be imported as it is, from inside. */
const roots = Object.keys(buildings);
/** Imports of values, file by file: types make no circle when the program runs, yet readers walk it all the same. */
const edges = new Map<string, readonly string[]>();

const files = roots
  .flatMap((root) => sourceFiles(root))
  .filter((file) => !file.startsWith("languages/test/"));
const breaches = [...files.flatMap(check), ...circles()];
for (const breach of breaches) console.error(breach);
if (breaches.length > 0) process.exit(1);
console.log("imports: in order");

function check(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found: string[] = [];
  const targets: string[] = [];
  for (const [, target = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
    const imported = relative(".", resolve(dirname(file), target));
    targets.push(imported);
    const breach = breachOf(file, imported);
    if (breach !== undefined) found.push(`${file}: ${breach}`);
  }
  edges.set(file, targets);
  const touched = /\bprocess\.(env|argv|exit)\b/.exec(withoutComments(text));
  if (touched && buildingOf(file) !== "cmd")
    found.push(`${file}: ${touched[0]} is for cmd/ only; everything else gets values`);
  return found;
}

function breachOf(file: string, imported: string): string | undefined {
  const [from, to] = [buildingOf(file), buildingOf(imported)];
  if (from !== to) {
    if (!buildings[from]?.includes(to))
      return `${from}/ must not import ${imported}: see the table of buildings`;
    if (to === "desk" && file !== "cmd/run.ts") return `desk/ is entered by cmd/run.ts, not from here`;
    return isEntry(imported) || from === "cmd" ? undefined : `import the index.ts of ${dirname(imported)}`;
  }
  if (from !== "src") return undefined;
  const [area, other] = [areaOf(file), areaOf(imported)];
  if (area === other) return undefined;
  if (!isEntry(imported))
    return `import src/${other}/index.ts, not ${imported}: a folder is entered through its index`;
  if (layerOf(area) < layerOf(other) || allowed.has(`${area}>${other}`)) return undefined;
  return `${area} must not import ${other}: imports point down (cmd -> roles -> capabilities -> foundations), and only supervisor may use other roles`;
}

function isEntry(path: string): boolean {
  return path.endsWith("/index.ts");
}

/** Each group of files that import one another, found with Tarjan's algorithm for strongly connected components. */
function circles(): string[] {
  const order = new Map<string, { low: number; readonly index: number; onStack: boolean }>();
  const stack: string[] = [];
  const found: string[] = [];
  const visit = (file: string) => {
    const own = { index: order.size, low: order.size, onStack: true };
    order.set(file, own);
    stack.push(file);
    for (const next of edges.get(file) ?? []) {
      const known = order.get(next);
      if (known === undefined && edges.has(next)) own.low = Math.min(own.low, visit(next).low);
      else if (known?.onStack) own.low = Math.min(own.low, known.index);
    }
    if (own.low === own.index) {
      const group = stack.splice(stack.indexOf(file));
      for (const member of group) (order.get(member) as { onStack: boolean }).onStack = false;
      if (group.length > 1) found.push(`a circle of ${group.length} files: ${group.sort().join(", ")}`);
    }
    return own;
  };
  for (const file of edges.keys()) if (!order.has(file)) visit(file);
  return found;
}

function buildingOf(path: string): string {
  return path.split("/", 1)[0] ?? "";
}

function areaOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function layerOf(area: string): number {
  const layer = layers.findIndex((names) => names.includes(area));
  if (layer < 0)
    throw new Error(`src/${area} has no place in scripts/check-imports.ts: say where it belongs`);
  return layer;
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

function sourceFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return path.endsWith(".ts") ? [path] : [];
  return readdirSync(path).flatMap((name) => sourceFiles(join(path, name)));
}
