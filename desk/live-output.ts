import type { OutputLine } from "./kubelet/index.ts";
import type { Style, Terminal } from "./terminal.ts";

const styles: readonly Style[] = ["cyan", "magenta", "blue", "yellow", "green"];

/** Prints what containers print, as it comes, each line with its container's name in front. */
export class LiveOutput {
  readonly #terminal: Terminal;
  readonly #executors: readonly string[];
  readonly #isVerbose: boolean;
  readonly #width: number;
  readonly #users: readonly string[];

  /** @param executors containers that print a log of the executor's: shown with `isVerbose` only */
  constructor(
    terminal: Terminal,
    names: readonly string[],
    executors: readonly string[],
    isVerbose: boolean,
  ) {
    this.#terminal = terminal;
    this.#executors = executors;
    this.#isVerbose = isVerbose;
    this.#users = names.filter((name) => !executors.includes(name));
    const shown = isVerbose ? names : this.#users;
    this.#width = Math.max(0, ...shown.map((name) => name.length));
  }

  print({ container, stream, text }: OutputLine, restore: (text: string) => string): void {
    // The emissary's own lines are in the stream of its container, and say so.
    const isLog = this.#executors.includes(container) || (stream === "stderr" && text.includes("argo=true"));
    if (isLog && !this.#isVerbose) return;
    const style = isLog ? "dim" : (styles[this.#users.indexOf(container) % styles.length] ?? "cyan");
    const prefix = this.#terminal.paint(style, `${container.padEnd(this.#width)} │`);
    this.#terminal.line(`${prefix} ${restore(text)}`);
  }

  progress(value: string): void {
    this.#terminal.line(this.#terminal.paint("dim", `${" ".repeat(this.#width)} ├ progress ${value}`));
  }
}
