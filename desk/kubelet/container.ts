import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { ExecutorError, errorText } from "../../src/errors/index.ts";
import {
  type ContainerMark,
  containerProcesses,
  endLeftovers,
  signalFirstProcess,
  signalProcess,
} from "./processes.ts";

/** A container as processes: what to start, and in which private root. */
export interface ContainerProgram {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** The folder that stands for the container's file system: `ARGOEXEC_ROOT`. */
  readonly root: string;
}

/** How a container ended. */
export interface ContainerEnd {
  /** As a kubelet counts: 128 and the signal's number for a first process that was killed. */
  readonly exitCode: number;
  /** The termination message; empty for none. */
  readonly message: string;
  readonly startedMs: number;
  readonly finishedMs: number;
}

export interface OutputLine {
  readonly container: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** What the kubelet reads of a termination message. */
const messageBytesMax = 4096;
/** Longer lines come in pieces: output need not have lines at all. */
const lineLengthMax = 64 * 1024;

/** One container: its first process, and whatever that started. */
export class Container {
  readonly program: ContainerProgram;
  /** Undefined before the first end. */
  end: ContainerEnd | undefined;
  #child: ChildProcess | undefined;
  #ended: Promise<ContainerEnd> | undefined;
  #startsAgain = false;
  readonly #onLine: (line: OutputLine) => void;

  constructor(program: ContainerProgram, onLine: (line: OutputLine) => void) {
    this.program = program;
    this.#onLine = onLine;
  }

  get name(): string {
    return this.program.name;
  }

  /** Of the first process; 0 before the start. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.end === undefined;
  }

  /** Resolves when the first process has ended, everything it left behind is gone, and all output was read. */
  get ended(): Promise<ContainerEnd> {
    if (this.#ended) return this.#ended;
    return Promise.reject(new ExecutorError("Internal", `container ${this.name} was not started`));
  }

  start(): void {
    if (this.isRunning) throw new ExecutorError("Internal", `container ${this.name} runs already`);
    this.end = undefined;
    this.#ended = this.#run();
    // Whoever is interested asks for it later.
    this.#ended.catch(() => undefined);
  }

  /** Signals the first process, as a kubelet does. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) void signalFirstProcess(this.pid, signal);
  }

  /** Kills every process, and starts the container again; `ended` tells of the end after that. */
  restart(): void {
    this.#startsAgain = this.isRunning;
    this.killAll();
  }

  /** Kills every process at once, as the kernel does with a container that runs out of memory. */
  killAll(): void {
    for (const pid of containerProcesses(this.#mark())) signalProcess(pid, "SIGKILL");
  }

  async #run(): Promise<ContainerEnd> {
    const { argv, env, workingDir, root } = this.program;
    const [command = "", ...args] = argv;
    await rm(`${root}/dev/termination-log`, { force: true });
    const startedMs = Date.now();
    // A session of its own: the terminal's Ctrl-C is ours to pass on, in order.
    const child = spawn(command, args, {
      cwd: workingDir,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const lines = [this.#read("stdout", child.stdout), this.#read("stderr", child.stderr)];
    const [code, signal] = await firstExit(child, this.name);
    // Nothing else may hold the output open, and nothing outlives the first process.
    await endLeftovers(this.#mark());
    await Promise.all(lines);
    if (this.#startsAgain) {
      this.#startsAgain = false;
      return this.#run();
    }
    const exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
    this.end = { exitCode, message: await this.#message(), startedMs, finishedMs: Date.now() };
    return this.end;
  }

  #mark(): ContainerMark {
    return { session: this.pid, variable: `ARGOEXEC_ROOT=${this.program.root}` };
  }

  async #read(stream: OutputLine["stream"], source: Readable): Promise<void> {
    let rest = "";
    for await (const chunk of source.setEncoding("utf8") as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = (lines.at(-1)?.length ?? 0) > lineLengthMax ? "" : (lines.pop() ?? "");
      for (const text of lines) this.#onLine({ container: this.name, stream, text });
    }
    if (rest !== "") this.#onLine({ container: this.name, stream, text: rest });
  }

  async #message(): Promise<string> {
    try {
      const bytes = await readFile(`${this.program.root}/dev/termination-log`);
      return bytes.subarray(-messageBytesMax).toString();
    } catch {
      // Most containers end without one.
      return "";
    }
  }
}

async function firstExit(child: ChildProcess, name: string): Promise<[number | null, NodeJS.Signals | null]> {
  try {
    return (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  } catch (cause) {
    throw new ExecutorError("BadRequest", `container ${name} could not be started: ${errorText(cause)}`, {
      cause,
    });
  }
}
