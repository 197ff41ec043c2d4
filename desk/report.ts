import { exitStatusError } from "../src/errors/index.ts";
import { anyString, type Outputs } from "../src/template/index.ts";
import type { Pod, PodEnd } from "./kubelet/index.ts";
import type { FetchedArtifact } from "./output-folder.ts";
import { bytes, type Style, seconds, type Terminal } from "./terminal.ts";

export interface RunOutcome {
  readonly pod: Pod;
  readonly end: PodEnd;
  /** Undefined when no task result was made: init failed. */
  readonly outputs: Outputs | undefined;
  readonly artifacts: readonly FetchedArtifact[];
  readonly sidecars: readonly string[];
  readonly elapsedMs: number;
  /** Gives back the paths that the manifest has. */
  readonly restore: (text: string) => string;
}

const resultLinesMax = 20;

/** Prints what a person wants to know at the end of a run. */
export function printReport(terminal: Terminal, outcome: RunOutcome, folder: string): void {
  const { outputs = {}, artifacts, restore } = outcome;
  terminal.line();
  heading(terminal, "Containers");
  terminal.table(containerRows(terminal, outcome));
  if (outputs.result !== undefined) {
    heading(terminal, "Result");
    printText(terminal, restore(outputs.result));
  }
  const parameters = outputs.parameters ?? [];
  if (parameters.length > 0) {
    heading(terminal, "Output parameters");
    terminal.table(
      parameters.map(({ name, value }) => [
        name,
        value === undefined ? terminal.paint("red", "no value") : shortened(restore(anyString(value))),
      ]),
    );
  }
  if (artifacts.length > 0) {
    heading(terminal, `Output artifacts, in ${folder}`);
    terminal.table(artifacts.map((artifact) => artifactRow(terminal, artifact, folder, restore)));
  }
  terminal.line();
  printVerdict(terminal, outcome);
}

/** 0 for success, main's own code where the user's command failed, 64 for errors of the executor. */
export function exitStatus({ pod, end, sidecars }: Pick<RunOutcome, "pod" | "end" | "sidecars">): number {
  const failed = failedContainers(pod, end, sidecars);
  const [first] = failed;
  if (first === undefined) return end.message === undefined ? 0 : exitStatusError;
  const isExecutor = ["init", "wait", "supervisor"].includes(first);
  return isExecutor ? exitStatusError : (end.containers.get(first)?.exitCode ?? exitStatusError);
}

/**
 * Containers whose end makes the step fail, the most telling first: init, main, then wait (docs/contract/pod.md#1.3).
 */
function failedContainers(pod: Pod, end: PodEnd, sidecars: readonly string[]): readonly string[] {
  const rank = (name: string) => (name === "wait" || name === "supervisor" ? 1 : 0);
  const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
  return names
    .filter((name) => {
      const code = end.containers.get(name)?.exitCode ?? 0;
      // A sidecar that was told to end did what it should.
      return code !== 0 && !(sidecars.includes(name) && (code === 143 || code === 137));
    })
    .sort((a, b) => rank(a) - rank(b));
}

function containerRows(terminal: Terminal, { pod, end, sidecars, restore }: RunOutcome): readonly string[][] {
  const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
  return names.map((name) => {
    const ended = end.containers.get(name);
    if (!ended) return [name, terminal.paint("dim", "not started")];
    const { exitCode, message, startedMs, finishedMs } = ended;
    const [style, text] = verdictOf(exitCode, sidecars.includes(name));
    return [name, terminal.paint(style, text), seconds(finishedMs - startedMs), restore(message)];
  });
}

function verdictOf(code: number, isSidecar: boolean): readonly [Style, string] {
  if (code === 0) return ["green", "ok"];
  if (isSidecar && code === 143) return ["green", "ended with main"];
  if (isSidecar && code === 137) return ["yellow", "killed after main: it ignored SIGTERM"];
  if (code === 137) return ["red", "killed (137)"];
  if (code === 143) return ["red", "terminated (143)"];
  return ["red", `exit code ${code}`];
}

function artifactRow(
  terminal: Terminal,
  artifact: FetchedArtifact,
  folder: string,
  restore: (text: string) => string,
): string[] {
  const { name, path, isFolder, files, sizeBytes, error } = artifact;
  if (path === undefined) return [name, terminal.paint("red", restore(error ?? "not fetched"))];
  const shown = `${path.slice(folder.length + 1)}${isFolder ? "/" : ""}`;
  const size = isFolder
    ? `${files} ${files === 1 ? "file" : "files"}, ${bytes(sizeBytes)}`
    : bytes(sizeBytes);
  return [name, shown, size];
}

function printVerdict(terminal: Terminal, outcome: RunOutcome): void {
  const status = exitStatus(outcome);
  const after = `after ${seconds(outcome.elapsedMs)}`;
  if (status === 0) {
    terminal.line(terminal.paint(["bold", "green"], `Succeeded ${after}`));
    return;
  }
  const { pod, end, sidecars, restore } = outcome;
  const [first] = failedContainers(pod, end, sidecars);
  const message = first === undefined ? "" : (end.containers.get(first)?.message ?? "");
  const why =
    end.message ?? `${first}${message ? `: ${restore(message)}` : ` ended with exit code ${status}`}`;
  terminal.line(terminal.paint(["bold", "red"], `Failed ${after}: ${why}`));
}

function heading(terminal: Terminal, text: string): void {
  terminal.line(terminal.paint("bold", text));
}

function printText(terminal: Terminal, text: string): void {
  const lines = text.split("\n");
  for (const line of lines.slice(0, resultLinesMax)) terminal.line(`  ${line}`);
  if (lines.length > resultLinesMax) terminal.line(`  … ${lines.length - resultLinesMax} more lines`);
}

function shortened(value: string): string {
  const text = value.includes("\n") ? JSON.stringify(value) : value;
  return text.length <= 200 ? text : `${text.slice(0, 200)}… (${text.length} characters)`;
}
