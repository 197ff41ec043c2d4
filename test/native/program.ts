import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

const project = resolve(import.meta.dirname, "../..");

/** Whether the program under test is the one with sanitizers; then memory and speed say nothing. */
export const isSanitized = process.env.OUTRIDER_SANITIZE === "1";

/** The program under test, built where it is older than its sources. */
export const program = buildProgram();

function buildProgram(): string {
  const out = join(project, "build/native", isSanitized ? "argoexec-sanitize" : "argoexec");
  const script = join(project, "scripts/build-native.mjs");
  execFileSync(process.execPath, [script, "--out", out, ...(isSanitized ? ["--sanitize"] : [])]);
  return out;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** What came on standard output so far. */
  stdout(): string;
  kill(signal: NodeJS.Signals): void;
}

export interface StartOptions {
  readonly container?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly program?: string;
  /** What becomes of standard output: collected, thrown away, or a pipe that nobody reads. */
  readonly stdout?: "collect" | "ignore" | "unread";
}

/** A pod's shared files in a private folder, and programs that run in it. */
export class Pod {
  readonly root: string;
  readonly shared: string;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    this.root = mkdtempSync(join(tmpdir(), "argoexec-"));
    this.shared = join(this.root, "var/run/argo");
    for (const folder of ["var/run/argo/plan", "argo/inputs/artifacts", "argo/config", "tmp", "dev"]) {
      mkdirSync(join(this.root, folder), { recursive: true });
    }
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  container(name: string, file = ""): string {
    return join(this.shared, "ctr", name, file);
  }

  read(path: string): string {
    return readFileSync(path, "utf8");
  }

  verdict(name = "main"): string {
    return this.read(this.container(name, "exitcode"));
  }

  message(): string | undefined {
    const path = this.path("dev/termination-log");
    return existsSync(path) ? this.read(path) : undefined;
  }

  plan(container: string, ...lines: string[]): void {
    writeFileSync(join(this.shared, "plan", container), ["plan 1", ...lines, ""].join("\n"));
  }

  write(path: string, content: string): string {
    const full = this.path(path);
    mkdirSync(resolve(full, ".."), { recursive: true });
    writeFileSync(full, content);
    return full;
  }

  signalByFile(container: string, signal: number): void {
    writeFileSync(this.container(container, "signal"), String(signal));
  }

  /** Starts the program with the environment that a container of this pod has. */
  start(args: readonly string[], options: StartOptions = {}): Running {
    const child = spawn(options.program ?? program, args, {
      cwd: options.cwd ?? this.root,
      stdio: ["ignore", options.stdout === "ignore" ? "ignore" : "pipe", "pipe"],
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        ARGOEXEC_ROOT: this.root,
        ARGO_CONTAINER_NAME: options.container ?? "main",
        ...options.env,
      },
    });
    let stdout = "";
    let stderr = "";
    if (options.stdout !== "unread") {
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
    }
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const exited = new Promise<Exit>((done, failed) => {
      child.on("error", failed);
      child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
    });
    this.#t.after(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
      await exited;
    });
    return {
      pid: child.pid ?? -1,
      exited,
      stdout: () => stdout,
      kill: (signal) => void child.kill(signal),
    };
  }

  emissary(command: readonly string[], options: StartOptions = {}): Running {
    return this.start(["emissary", "--loglevel", "info", "--log-format", "text", "--", ...command], options);
  }

  run(command: readonly string[], options: StartOptions = {}): Promise<Exit> {
    return this.emissary(command, options).exited;
  }
}

/** Waits for a condition that no event tells of; fails with its name. */
export async function until(name: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms in vain for: ${name}`);
    await delay(5);
  }
}

/** A shell script as a command. */
export function sh(script: string, ...args: string[]): string[] {
  return ["sh", "-c", script, "sh", ...args];
}

export function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

export function hasProgram(name: string, ...args: string[]): boolean {
  try {
    execFileSync(name, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
