import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { StringDecoder } from "node:string_decoder";
import { gitError, silenceError } from "./errors.ts";

export interface GitRun {
  readonly env: Readonly<Record<string, string>>;
  /** Where the command runs. */
  readonly folder: string;
  /** Texts that no message may show. */
  readonly secrets: readonly string[];
  /** The longest that git may say nothing; it reports its progress every second. */
  readonly silenceMaxMs: number;
}

const outputBytesMax = 64 * 1024 * 1024;
const errorCharactersMax = 16 * 1024;
/** Between being asked to end, when git removes its locks, and being killed. */
const graceMs = 2_000;
/** The executor's own umask is 0; a checkout has the modes that the reference leaves (docs/contract/artifacts.md#2.9). */
const withUmask = 'umask 022; exec "$@"';

/**
 * Runs `git ARGS` and resolves with its standard output. Git and all that it starts are one process group, which is
 * killed when this returns: a helper that hangs is not left behind. @throws what errors.ts makes of git's words.
 */
export async function runGit(args: readonly string[], run: GitRun, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const child = spawn("/bin/sh", ["-c", withUmask, "sh", "git", ...args], {
    cwd: run.folder,
    env: { ...run.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const end = (name: NodeJS.Signals) => killGroup(child.pid, name);
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    end("SIGTERM");
    killer ??= setTimeout(end, graceMs, "SIGKILL");
  };
  let isSilent = false;
  const watchdog = setTimeout(() => {
    isSilent = true;
    stop();
  }, run.silenceMaxMs);
  signal.addEventListener("abort", stop, { once: true });
  const errors = new StringDecoder();
  let complaint = "";
  const output: Buffer[] = [];
  let outputBytes = 0;
  child.stderr.on("data", (chunk: Buffer) => {
    watchdog.refresh();
    complaint = (complaint + errors.write(chunk)).slice(-errorCharactersMax);
  });
  child.stdout.on("data", (chunk: Buffer) => {
    watchdog.refresh();
    outputBytes += chunk.byteLength;
    if (outputBytes > outputBytesMax) stop();
    else output.push(chunk);
  });
  try {
    // "exit", not "close": what git left running may hold the pipes for ever.
    const status = await exitOf(child);
    signal.throwIfAborted();
    if (isSilent) throw silenceError(args, run.silenceMaxMs);
    if (status === 127) throw gitError(args, status, complaint, run.secrets);
    end("SIGKILL");
    await Promise.all([drained(child.stdout), drained(child.stderr)]);
    if (status === 0) return Buffer.concat(output).toString();
    throw gitError(args, status, complaint, run.secrets);
  } finally {
    clearTimeout(watchdog);
    clearTimeout(killer);
    signal.removeEventListener("abort", stop);
    end("SIGKILL");
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** 127, as a shell says it, where there is not even a shell: the executor's plain image has neither. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  try {
    return ((await once(child, "exit")) as [number | null])[0];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 127;
    throw error;
  }
}

async function drained(stream: NodeJS.ReadableStream & { readonly closed?: boolean }): Promise<void> {
  if (stream.closed !== true) await once(stream, "close");
}

function killGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // Nobody of the group lives any more.
  }
}
