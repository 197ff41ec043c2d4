import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

/** Microsoft's emulator, a process of its own with everything in memory. */
export interface Azurite extends AsyncDisposable {
  readonly endpoint: string;
  readonly pid: number;
}

/** The account and key that every emulator has; they are public. */
export const account = "devstoreaccount1";
export const accountKey =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export async function startAzurite(...options: readonly string[]): Promise<Azurite> {
  const main = createRequire(import.meta.url).resolve("azurite/dist/src/blob/main.js");
  const args = [
    main,
    "--inMemoryPersistence",
    "--skipApiVersionCheck",
    "--disableTelemetry",
    "--blobPort",
    "0",
  ];
  const child = spawn(process.execPath, [...args, "--silent", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent" },
  });
  const endpoint = await addressOf(child);
  return {
    endpoint,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      // It waits for kept connections otherwise.
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("Azurite without output");
  for await (const line of createInterface(child.stdout)) {
    const address = /listens on https?:\/\/([\d.]+:\d+)|listening (?:on|at) https?:\/\/([\d.]+:\d+)/.exec(
      line,
    );
    if (address) {
      child.stdout.resume();
      return address[1] ?? address[2] ?? "";
    }
  }
  throw new Error("Azurite ended before it listened");
}
