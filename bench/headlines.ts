import { readRows, table, writeSection } from "./report.ts";

const page = "docs/performance.md";

/** Puts what matters most of docs/performance.md into the README, in the words of a table there. */
export function writeHeadlines(): void {
  writeSection("README.md", "headlines", headlines());
}

/** Figures that stand in docs/performance.md, and nowhere else: throws where one of them is missing. */
export function headlines(): string {
  const standing = readRows(page, "standing");
  const pods = readRows(page, "pods");
  const workloads = readRows(page, "workloads");
  const agent = readRows(page, "agent");
  const copied = find(standing, "the program that `init` copies into the pod");
  const emissary = find(standing, "emissary in main: resident, anonymous");
  const overheadOf = (executor: string) => {
    const cells = pods.find(([layout, name]) => layout === "legacy" && name === executor);
    return `${cellOf(cells, 3, executor)} s, ${cellOf(cells, 7, executor)} s of CPU`;
  };
  const secondsOf = (name: string) => {
    const [ours = "", reference = ""] = cellOf(find(workloads, name), 2, name).split("<br>");
    if (!/^[\d.]+$/.test(ours) || !/^[\d.]+/.test(reference)) throw missing(`${name}, both executors`);
    return [`${reference.replace(/^([\d.]+)/, "$1 s")}`, `${ours} s`];
  };
  const visible = (how: string) =>
    cellOf(find(agent, `response to visible status, ${how}`), 1, how).replace(/^median ([^,]+),.*$/, "$1");
  return table(
    ["", "argoexec 4.0.5", "Outrider"],
    [
      ["copied into each pod", cellOf(copied, 2, "copied"), cellOf(copied, 1, "copied")],
      [
        "memory in your container while the step runs",
        cellOf(emissary, 2, "emissary").replace(/,.*/, ""),
        cellOf(emissary, 1, "emissary").replace(/,.*/, ""),
      ],
      [
        "a step of `true` with its log archived, above a pod whose programs do nothing",
        overheadOf("reference"),
        overheadOf("ours"),
      ],
      ["1 GiB of log text saved as tar.gz, after the step", ...secondsOf("tgz-1g-up")],
      ["a file of 4 GiB saved, after the step", ...secondsOf("none-4g-up")],
      ["a directory of 5,000 small files saved, the store 20 ms away", ...secondsOf("dir-5000-up")],
      ["the same, loaded", ...secondsOf("dir-5000-down")],
      ["10,000 artifacts deleted in the 100m of CPU that there are", ...secondsOf("gc-10000 at 0 ms")],
      [
        "an HTTP template's result is visible",
        "up to 10 s after the response",
        `${visible("one task at a time")}, ${visible("1000 at once")} with 1,000 at once`,
      ],
    ],
  );
}

function find(rows: readonly (readonly string[])[], name: string): readonly string[] | undefined {
  return rows.find(([first]) => first === name);
}

function cellOf(cells: readonly string[] | undefined, index: number, what: string): string {
  const cell = cells?.[index];
  if (cell === undefined || cell === "") throw missing(what);
  return cell;
}

function missing(what: string): Error {
  return new Error(`${page} has no figure of ${what}: run its bench with --write`);
}
