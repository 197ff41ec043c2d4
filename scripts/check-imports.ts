// Keeps the architecture true (ARCHITECTURE.md): imports point one way, folders are entered through their index.ts,
// and only cmd/ touches the process. Prints each breach with the rule it breaks.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** Lower layers know nothing of higher ones. */
const layers: readonly (readonly string[])[] = [
  ["cmd"],
  ["init", "wait", "supervisor", "agent", "resource", "data", "gc", "local"],
  ["auxiliary"],
  ["inputs", "outputs"],
  ["artifacts", "archive", "transfer", "kube", "expr", "podfiles"],
  ["template"],
  ["http", "retry", "errors", "files", "log", "streams"],
];
const roles = layers[1] ?? [];

/** What capabilities of one layer may share. */
const allowed = new Set([
  "artifacts>transfer",
  "http>retry",
  "http>errors",
  "retry>errors",
  "streams>errors",
]);

const breaches = ["cmd", "src"].flatMap(sourceFiles).flatMap(check);
for (const breach of breaches) console.error(breach);
if (breaches.length > 0) process.exit(1);
console.log("imports: in order");

function check(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const area = areaOf(file);
  const found: string[] = [];
  for (const [, target = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
    const imported = relative(".", resolve(dirname(file), target));
    const other = areaOf(imported);
    if (other === area) continue;
    if (!imported.endsWith("/index.ts") && area !== "cmd") {
      found.push(`${file}: import ${other}/index.ts, not ${imported}: a folder is entered through its index`);
    }
    const isDown = layerOf(area) < layerOf(other);
    if (!isDown && !allowed.has(`${area}>${other}`)) {
      const rule =
        roles.includes(area) && roles.includes(other) ? "a role never imports a role" : "imports point down";
      found.push(
        `${file}: ${area} must not import ${other}: ${rule} (cmd -> roles -> capabilities -> foundations)`,
      );
    }
  }
  const touched = /\bprocess\.(env|argv|exit)\b/.exec(withoutComments(text));
  if (touched && area !== "cmd")
    found.push(`${file}: ${touched[0]} is for cmd/ only; everything else gets values`);
  return found;
}

function areaOf(path: string): string {
  const [top = "", area = ""] = path.split("/");
  return top === "src" ? area : top;
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
