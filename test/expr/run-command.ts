/** Runs `argoexec expr` as a process of its own. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runExpr(args: readonly string[], input = ""): Promise<Outcome> {
  const entry = fileURLToPath(new URL("command-entry.ts", import.meta.url));
  const child = spawn(process.execPath, [entry, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  // A command that fails early does not read its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { status, stdout, stderr };
}

/** The answers of a batch, one a case, as lines of JSON. */
export async function runBatch(cases: readonly object[], args: readonly string[] = []): Promise<string[]> {
  const input = cases.map((each) => JSON.stringify(each)).join("\n");
  const { stdout } = await runExpr(["--batch", ...args], input);
  return stdout.trimEnd().split("\n");
}
