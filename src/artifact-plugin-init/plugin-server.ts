import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError, errorText } from "../errors/index.ts";

/** What it loaded is on the volume; the pod waits for nothing that the server still does. */
const endWaitMs = 2000;
/** The kernel closes a dead server's connections before it tells us of the death. */
const deathWaitMs = 200;

/** The server of a plugin as a child of ours, in a process group of its own, for as long as this is not disposed of. */
export class PluginServer implements AsyncDisposable {
  /** Aborts, with the reason, when the server ends by itself. */
  readonly gone: AbortSignal;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #end: ExecutorError | undefined;
  #isWanted = true;

  private constructor(plugin: string, child: ChildProcess) {
    this.#child = child;
    const gone = new AbortController();
    this.gone = gone.signal;
    this.#ended = once(child, "exit").then(([code, signal]) => {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      const text = `plugin ${plugin} ended ${how} before its artifacts were loaded; see what it printed`;
      this.#end = new ExecutorError("Internal", text);
      if (this.#isWanted) gone.abort(this.#end);
    });
  }

  /** @throws BadRequest where the command cannot be started */
  static async start(plugin: string, [program = "", ...args]: readonly string[]): Promise<PluginServer> {
    const child = spawn(program, args, { detached: true, stdio: "inherit" });
    const server = new PluginServer(plugin, child);
    // A command that cannot be started is told by the other event.
    server.#ended.catch(() => {});
    try {
      await once(child, "spawn");
    } catch (cause) {
      const text = `the command of plugin ${plugin} cannot be started: ${errorText(cause)}`;
      throw new ExecutorError("BadRequest", text, { cause });
    }
    return server;
  }

  /** The error as it is, or, where the server has ended, that. */
  async explain(error: unknown): Promise<unknown> {
    await Promise.race([this.#ended, sleep(deathWaitMs)]);
    if (this.#end === undefined || error === this.#end) return error;
    return new ExecutorError(this.#end.code, `${this.#end.message}: ${errorText(error)}`, { cause: error });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isWanted = false;
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (this.#end !== undefined) return;
      this.#signal(signal);
      await Promise.race([this.#ended, sleep(endWaitMs)]);
    }
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, signal);
    } catch {
      // It is gone already.
    }
  }
}
