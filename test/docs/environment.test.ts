import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

/** The tables of docs/environment.md against the places where code reads variables, declares flags and exits. */
const page = readFileSync("docs/environment.md", "utf8");
const variable = "[A-Z][A-Z0-9_]*|https?_proxy|no_proxy";

describe("docs/environment.md", () => {
  it("has every environment variable that the code reads, and no other", () => {
    const documented = cells(/^## Variables/).filter((name) => !name.endsWith("*"));

    assertSame(documented, variablesRead(), "variable");
  });

  it("has every flag that a command takes, and no other", () => {
    const documented = cells(/^## Flags/).filter((name) => name.startsWith("--"));

    assertSame(documented, flagsDeclared(), "flag");
  });

  it("has every exit code of our own, and no other", () => {
    const documented = rows(/^## Exit codes/).flatMap((row) => /^\| (\d+) \|/.exec(row)?.[1] ?? []);

    assertSame(documented, exitCodes(), "exit code");
  });
});

function assertSame(documented: readonly string[], found: ReadonlyMap<string, string>, what: string): void {
  const missing = [...found].filter(([name]) => !documented.includes(name));
  const stale = documented.filter((name) => !found.has(name));
  assert.ok(found.size > 0, `no ${what} was found in the code`);
  assert.deepEqual(missing, [], `a ${what} in the code is in no table`);
  assert.deepEqual(stale, [], `a ${what} in the tables is nowhere in the code`);
  assert.equal(new Set(documented).size, documented.length, `a ${what} stands in two rows`);
}

/** Each name with the file that reads it. */
function variablesRead(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const scan = (folders: readonly string[], name: RegExp, patterns: readonly RegExp[]) => {
    for (const file of folders.flatMap((folder) => filesBelow(folder)).filter((path) => name.test(path))) {
      const text = readFileSync(file, "utf8");
      for (const pattern of patterns)
        for (const [, each = ""] of text.matchAll(pattern)) found.set(each, file);
    }
  };
  const member = new RegExp(`\\benv(?:\\.|\\[["'])(${variable})\\b`, "g");
  // Names are also handed to the functions that read them.
  const literal = /"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g;
  scan(["cmd"], /\.ts$/, [member, literal]);
  scan(["src", "desk"], /\.ts$/, [member]);
  scan(["native"], /\.[ch]$/, [literal, /\bgetenv\("([A-Z]+)"\)/g]);
  scan(["scripts", "test", "bench"], /\.(ts|mjs)$/, [new RegExp(`\\bprocess\\.env\\.(${variable})\\b`, "g")]);
  return found;
}

function flagsDeclared(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const note = (file: string, text: string, pattern: RegExp) => {
    for (const [, name = ""] of text.matchAll(pattern)) found.set(`--${name}`, file);
  };
  for (const file of filesBelow("cmd")) {
    const text = readFileSync(file, "utf8");
    note(file, text, /"?\b([a-z][a-z0-9-]*)"?: \{ type: "(?:string|boolean)"/g);
    note(file, text, /\bflag === "--([a-z][a-z-]*)"/g);
  }
  const native = readFileSync("native/flags.c", "utf8");
  for (const [, list = ""] of native.matchAll(/flags_with(?:out)?_value\[\] = \{([^}]*)\}/g))
    note("native/flags.c", list, /"([a-z-]+)"/g);
  const served = readFileSync("native/serve-files.c", "utf8");
  note("native/serve-files.c", served, /strcmp\(argv\[i\], "--([a-z]+)"\)/g);
  return found;
}

function exitCodes(): ReadonlyMap<string, string> {
  const sources: readonly (readonly [string, RegExp])[] = [
    ["src/errors/exit-status.ts", /\bexitStatus\w+ = (\d+)/g],
    ["cmd/expr.ts", /\breturn (\d+);/g],
    ["src/sync/outcome.ts", /^ {2}(?:retry|act): (\d+),/gm],
    ["native/report.h", /\bEXIT_(?:CRASH|OURS|NOT_READY) = (\d+)/g],
    ["native/flags.c", /\bdie_of_value\([^)]*, (\d+)\)/g],
  ];
  const found = sources.flatMap(([file, pattern]) =>
    [...readFileSync(file, "utf8").matchAll(pattern)].map(([, code = ""]) => [code, file] as const),
  );
  const signal = /\bEXIT_SIGNAL = (\d+)/.exec(readFileSync("native/report.h", "utf8"))?.[1];
  return new Map([...found, [String(Number(signal) + 15), "native/report.h"]]);
}

/** What stands in code style in the first cells of the tables under the headings. */
function cells(heading: RegExp): readonly string[] {
  return rows(heading).flatMap((row) => {
    const [, first = ""] = row.split("|");
    return [...first.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  });
}

function rows(heading: RegExp): readonly string[] {
  const sections = page.split(/^(?=## )/m).filter((section) => heading.test(section));
  return sections.flatMap((section) => section.split("\n").filter((line) => /^\| [^-]/.test(line)));
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => name !== "fixtures" && name !== "corpus")
    .flatMap((name) => filesBelow(join(path, name)));
}
