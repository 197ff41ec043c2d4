import { execFile, spawnSync } from "node:child_process";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Runs a program to its end; its standard output. */
export async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { stdout } = await execute(program, args, { cwd, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Whether an optional peer is installed; where not, the test says what it left out. */
export function hasProgram(t: TestContext, program: string, probe = "--version"): boolean {
  const found = spawnSync(program, [probe], { stdio: "ignore" }).error === undefined;
  if (!found) t.diagnostic(`left out: ${program} is not installed`);
  return found;
}
