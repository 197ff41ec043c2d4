import { fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";

/**
 * The static program that started us and stays our parent: it keeps signals until we can take them, the template, and
 * what we want to remember while no Node runs (native/README.md, "Phases").
 */
export class Keeper {
  /** What ended the sleep; undefined in the first phase. */
  readonly event: string | undefined;
  /** It has placed template and plan, and let main begin. */
  readonly hasPrepared: boolean;
  readonly #control: number | undefined;
  readonly #template: number | undefined;
  readonly #state: number | undefined;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.event = env.ARGOEXEC_EVENT;
    this.hasPrepared = env.ARGOEXEC_PREPARED === "true";
    this.#control = descriptor(env.ARGOEXEC_CONTROL_FD);
    this.#template = descriptor(env.ARGOEXEC_TEMPLATE_FD);
    this.#state = descriptor(env.ARGOEXEC_STATE_FD);
  }

  /** Whether there is one that keeps a state for us: for commands that have phases. */
  get keepsState(): boolean {
    return this.#state !== undefined && this.#control !== undefined;
  }

  /** The template as it was before the step began; undefined where there is none. */
  readTemplate(): string | undefined {
    return this.#template === undefined ? undefined : readAll(this.#template);
  }

  readState(): string {
    return this.#state === undefined ? "" : readAll(this.#state);
  }

  /** From now on a SIGTERM reaches us. */
  startListening(): void {
    this.#say("listening\n");
  }

  /** Our last words: what to remember, and what to sleep for. */
  sleep(state: string, request: string): void {
    if (this.#state === undefined) throw new Error("nobody keeps our state");
    ftruncateSync(this.#state);
    writeAll(this.#state, Buffer.from(state));
    this.#say(request);
  }

  #say(words: string): void {
    if (this.#control !== undefined) writeAll(this.#control, Buffer.from(words), null);
  }
}

function descriptor(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function readAll(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(fd, bytes, done, bytes.length - done, done);
    if (count === 0) break;
    done += count;
  }
  return bytes.toString("utf8");
}

/** @param from where in the file the bytes begin; null for a pipe */
function writeAll(fd: number, bytes: Buffer, from: number | null = 0): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, from === null ? null : from + done);
  }
}
