// Keeps what code and pages refer to true: a citation of the contract names a page and an anchor that exist
// (docs/contract/README.md), ids of scenarios in titles of tests are in the list and each of the list has a test or a
// reason, and relative links in pages lead somewhere. Prints each breach with its place.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const foreign = new Set([".git", "node_modules", "dist", "build", "fixtures", "corpus"]);
const contractFolder = "docs/contract";
/** Cites are written in these; the last three have no extension. */
const cites = /\.(ts|mjs|js|c|h|go|py|md|sh|ya?ml)$|(^|\/)(run|up|down|Dockerfile)$/;

const files = filesBelow(".").filter((file) => cites.test(file));
const anchors = new Map<string, ReadonlySet<string>>();
const breaches: string[] = [];
const titled = new Set<string>();
let citations = 0;

for (const file of files) checkFile(file, readFileSync(file, "utf8"));
checkScenarios();
for (const breach of breaches) console.error(breach);
if (breaches.length > 0) process.exit(1);
console.log(`citations: ${citations}, all of something that exists; links: in order`);

function checkFile(file: string, text: string): void {
  if (!file.startsWith(contractFolder)) {
    for (const [index, line] of text.split("\n").entries())
      checkCitations(`${file}:${index + 1}`, file, line);
  }
  if (file.endsWith(".md")) checkLinks(file, text);
  if (file.endsWith(".test.ts") || file.startsWith("test/drivers/")) checkTitles(file, text);
}

/** `docs/contract/pod.md#5.6`, with more anchors of the same page behind it: `, #5.7 and #5.8`. */
function checkCitations(place: string, file: string, line: string): void {
  for (const [, page = "", list = ""] of line.matchAll(
    /docs\/contract\/([\w-]+\.md)((?:(?:, | and | to |, and )?#[\w-]+(?:\.\d+)*)*)/g,
  )) {
    const path = `${contractFolder}/${page}`;
    const cited = [...list.matchAll(/#([\w-]+(?:\.\d+)*)/g)].map(([, anchor = ""]) => anchor);
    citations += Math.max(1, cited.length);
    if (!existsSync(path)) breaches.push(`${place}: there is no ${path}`);
    else checkAnchors(place, path, cited);
  }
  if (file === "scripts/check-citations.ts") return;
  const old =
    /(?<![\w/.\-[])(?:pod|roles|artifacts|expressions|scenarios)\.md(?:,? (?:section |defects? )?[\dD]|#)/.exec(
      line,
    ) ?? /(?<![#\w/-])(?:[Dd]efects? \d|D-\d+\b)/.exec(file.endsWith(".md") ? "" : line);
  if (old)
    breaches.push(
      `${place}: "${old[0]}…" is no citation; write ${contractFolder}/pod.md#5.6, #defect-13, #D-32`,
    );
}

function checkAnchors(place: string, path: string, cited: readonly string[]): void {
  for (const anchor of cited) {
    if (!anchorsOf(path).has(anchor)) breaches.push(`${place}: ${path} has no anchor ${anchor}`);
  }
}

/** Links of a page to others of this repository, and the place in them. */
function checkLinks(file: string, text: string): void {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
  for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = "", anchor] = target.split("#");
    const linked = path === "" ? file : normalize(join(dirname(file), path));
    if (!existsSync(linked)) breaches.push(`${file}: the link ${target} leads nowhere`);
    else if (anchor !== undefined && linked.endsWith(".md")) checkAnchors(file, linked, [anchor]);
  }
}

/** Titles carry the ids of the scenarios they cover: `R14: …`, `S8, R29: …`. */
function checkTitles(file: string, text: string): void {
  for (const [, title = ""] of text.matchAll(/\b(?:it|describe|test)\(\s*["`]([^"`\n]*)/g)) {
    for (const [id] of title.matchAll(/\b[RS]\d+(?=[:,])/g)) {
      titled.add(id);
      checkAnchors(`${file}: "${title}"`, `${contractFolder}/scenarios.md`, [id]);
    }
  }
}

/** Each scenario is a test, or a row of test/README.md that says why not. */
function checkScenarios(): void {
  const reasons = [...readFileSync("test/README.md", "utf8").matchAll(/^\| ([RS]\d+) \|/gm)].map(
    ([, id = ""]) => id,
  );
  const known = anchorsOf(`${contractFolder}/scenarios.md`);
  for (const id of reasons) if (!known.has(id)) breaches.push(`test/README.md: there is no scenario ${id}`);
  for (const id of known) {
    if (/^[RS]\d+$/.test(id) && !titled.has(id) && !reasons.includes(id))
      breaches.push(
        `${contractFolder}/scenarios.md: ${id} is in no title of a test, and test/README.md does not say why`,
      );
  }
}

/** Explicit anchors and those that forges make of headings. */
function anchorsOf(path: string): ReadonlySet<string> {
  const known = anchors.get(path);
  if (known) return known;
  const text = readFileSync(path, "utf8").replaceAll(/^```[\s\S]*?^```/gm, "");
  const explicit = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id);
  for (const id of explicit) {
    if (explicit.indexOf(id) !== explicit.lastIndexOf(id)) breaches.push(`${path}: two anchors ${id}`);
  }
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .replaceAll(/<[^>]*>/g, "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  const all = new Set([...explicit, ...headings]);
  anchors.set(path, all);
  return all;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = normalize(join(folder, name));
    if (foreign.has(name)) return [];
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return [];
    return found.isDirectory() ? filesBelow(path) : [path];
  });
}
