import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

/** When and where figures were taken, for the line above them. */
export function measuredOn(command: string): string {
  const date = new Date().toISOString().slice(0, 10);
  return `\`${command}\`, ${date}, commit ${commitOf(".")}, ${cpus().length} processors, Node ${process.version}.`;
}

/** What a checkout stands at. */
export function commitOf(checkout: string): string {
  const asked = ["-C", checkout, "rev-parse", "--short", "HEAD"];
  return spawnSync("git", asked, { encoding: "utf8" }).stdout.trim() || "unknown";
}

/** What stands between the marks `<!-- NAME -->` and `<!-- /NAME -->` of a page; empty where it has none. */
export function readSection(page: string, name: string): string {
  const [, text = ""] = readFileSync(page, "utf8").split(`<!-- ${name} -->`);
  return text.split(`<!-- /${name} -->`)[0] ?? "";
}

/** The rows of the tables in a section, heads among them, cell by cell. */
export function readRows(page: string, name: string): readonly (readonly string[])[] {
  const lines = readSection(page, name).split("\n");
  return lines.filter((line) => line.startsWith("| ")).map((line) => line.slice(2, -2).split(" | "));
}

/** Replaces what stands between the marks `<!-- NAME -->` and `<!-- /NAME -->` of a page, which has them. */
export function writeSection(page: string, name: string, text: string): void {
  const { before, after } = sectionOf(page, name);
  writeFileSync(page, `${before}\n\n${text}\n\n${after}`);
  console.log(`written to ${page}: ${name}`);
}

/** Throws where a page has no place for a section: asked before anything is measured, that may take long. */
export function expectSection(page: string, name: string): void {
  sectionOf(page, name);
}

/** A page up to the section's opening mark, and from its closing one. */
function sectionOf(page: string, name: string) {
  const text = readFileSync(page, "utf8");
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`${page} has no marks ${open} and ${close}`);
  return { before: text.slice(0, start + open.length), after: text.slice(end) };
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [lower = Number.NaN, upper = Number.NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return (lower + upper) / 2;
}

/** The smallest figure that this share of all is at or below. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
