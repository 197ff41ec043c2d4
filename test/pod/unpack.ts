import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporary } from "./servers.ts";

/** The text of the files in a tgz, by name; folders have the value "/". */
export async function unpackTgz(archive: Buffer): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(temporary, "tgz-"));
  try {
    const file = join(folder, "artifact.tgz");
    await writeFile(file, archive);
    const tree = join(folder, "tree");
    await mkdir(tree);
    execFileSync("tar", ["-xzf", file, "-C", tree]);
    const names = execFileSync(
      "find",
      [".", "-mindepth", "1", "(", "-type", "d", "-printf", "%P/\\n", "-o", "-printf", "%P\\n", ")"],
      { cwd: tree, encoding: "utf8" },
    );
    const entries = names.trim().split("\n").sort();
    return Object.fromEntries(
      await Promise.all(
        entries.map(async (entry) =>
          entry.endsWith("/")
            ? [entry.slice(0, -1), "/"]
            : [entry, await readFile(join(tree, entry), "utf8")],
        ),
      ),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
