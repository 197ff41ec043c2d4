import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** What is dear to make is kept, as by test/cluster. */
const cache = process.env.OUTRIDER_CACHE ?? join(homedir(), ".cache", "outrider");

/** A Python with packages, or why this machine has none. */
export type Python = { readonly program: string } | { readonly missing: string };

/**
 * A Python with these packages in an environment of its own, which is made once: test files that run at the same time
 * make one each, and the first to be complete is kept.
 */
export async function pythonWith(...packages: readonly string[]): Promise<Python> {
  const id = createHash("sha256").update(packages.join("\n")).digest("hex").slice(0, 12);
  const folder = join(cache, `python-${id}`);
  const program = join(folder, "bin/python3");
  if (existsSync(program)) return { program };
  const own = `${folder}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    await run("python3", ["-m", "venv", own]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages];
    await run(join(own, "bin/python3"), pip);
    await rename(own, folder);
    return { program };
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    if (existsSync(program)) return { program };
    const [reason = ""] = (error as Error).message.split("\n");
    return { missing: `Python with ${packages.join(", ")} cannot be installed here: ${reason}` };
  }
}
