import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));

/** The files and packages that an entry makes Node load, relative to the package's folder. */
function loadedBy(entry: string): string[] {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    await import("@outrider/languages/${entry}");
    console.log(JSON.stringify(loaded));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.match(stdout, /^\[/, stderr);
  const urls: string[] = JSON.parse(stdout);
  return urls
    .filter((url) => url.startsWith("file:"))
    .map((url) =>
      fileURLToPath(url)
        .replace(folder, "")
        .replace(/^.*\/node_modules\//, "package "),
    );
}

const areas = ["batch", "expr", "gjson", "jq", "jsonpath", "labels"];

describe("an entry of the package", () => {
  for (const [entry, needed] of Object.entries({
    expr: ["expr"],
    jq: ["jq"],
    gjson: ["gjson"],
    labels: ["labels", "gjson"],
    jsonpath: ["jsonpath"],
    batch: ["batch"],
    errors: [],
  })) {
    it(`${entry} loads ${needed.length > 0 ? needed.join(" and ") : "no language"}`, () => {
      const loaded = loadedBy(entry);

      const found = areas.filter((area) => loaded.some((file) => file.startsWith(`${area}/`)));
      assert.deepEqual(found.sort(), [...needed].sort());
      assert.ok(
        loaded.every((file) => !file.startsWith("/")),
        "nothing outside the package",
      );
    });
  }
});
