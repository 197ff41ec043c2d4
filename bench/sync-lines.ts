import { measuredOn, median, table } from "./report.ts";

/** What one run of a tool took; `stores`: CPU seconds of the stores meanwhile. */
export interface Figures {
  readonly seconds: number;
  readonly cpu: number;
  readonly peak: number;
  readonly stores: number;
}

/** A line of the table: what several tools took for the same work. */
export class Line {
  readonly store: string;
  readonly name: string;
  readonly #runs = new Map<string, Figures[]>();

  constructor(store: string, name: string) {
    this.store = store;
    this.name = name;
  }

  add(tool: string, figures: Figures): void {
    this.#runs.set(tool, [...(this.#runs.get(tool) ?? []), figures]);
    const { seconds, cpu, peak, stores } = figures;
    console.log(
      `${this.store}, ${this.name}: ${tool}: ${seconds.toFixed(2)} s, ${cpu.toFixed(2)} CPU s, ${peak.toFixed(0)} MiB; stores ${stores.toFixed(2)} CPU s`,
    );
  }

  kept(): KeptLine {
    const tools = [...this.#runs].map(([tool, runs]): [string, Figures] => {
      const of = (field: keyof Figures) => median(runs.map((run) => run[field]));
      return [tool, { seconds: of("seconds"), cpu: of("cpu"), peak: of("peak"), stores: of("stores") }];
    });
    const [runs = []] = this.#runs.values();
    const { store, name } = this;
    const args = process.argv.slice(2).map((word) => (/^[\w./:-]+$/.test(word) ? word : `'${word}'`));
    const command = ["node bench/sync.ts", ...args].join(" ");
    const measured = `${measuredOn(command)} Medians of ${runs.length}.`;
    return { store, name, measured, tools: Object.fromEntries(tools) };
  }
}

/** A line as it stands in the page. */
export interface KeptLine {
  readonly store: string;
  readonly name: string;
  /** How, when, at which commit and how often. */
  readonly measured: string;
  readonly tools: Readonly<Record<string, Figures>>;
}

const ours = "argoexec sync";
const peers = ["rclone", "s5cmd", "aws s3 sync"];

/**
 * The section of the page: a table a store, and below it the runs that its lines are of. Lines take minutes each, and are
 * measured in several runs: what the section has already stays, until it is measured anew.
 */
export function sectionOf(before: string, lines: readonly Line[]): string {
  const measured = lines.map((line) => line.kept());
  const isSame = (a: KeptLine, b: KeptLine) => a.store === b.store && a.name === b.name;
  const kept = readSection(before);
  const all = [
    ...kept.map((line) => measured.find((other) => isSame(line, other)) ?? line),
    ...measured.filter((line) => !kept.some((other) => isSame(line, other))),
  ];
  const stores = [...new Set(all.map(({ store }) => store))].sort();
  return stores.map((store) => storeSection(store, all)).join("\n\n");
}

function storeSection(store: string, all: readonly KeptLine[]): string {
  const lines = all.filter((line) => line.store === store);
  const head = [
    ...["", ours, ...peers],
    ...["stores' CPU s", "best peer's time", "best peer's memory", "run"],
  ];
  const runs = [...new Set(lines.map(({ measured }) => measured))];
  const rows = lines.map(({ name, tools, measured }) => [
    name,
    ...[ours, ...peers].map((tool) => cell(tools[tool])),
    tools[ours]?.stores.toFixed(2) ?? "",
    ratio(tools, "seconds"),
    ratio(tools, "peak"),
    String(runs.indexOf(measured) + 1),
  ]);
  const notes = runs.map((run, index) => `${index + 1}. ${run}`);
  return `On ${store}:\n\n${table(head, rows)}\n\n${notes.join("\n")}`;
}

/** What `sectionOf` wrote. */
function readSection(section: string): readonly KeptLine[] {
  return section
    .split(/^On (?=.*:$)/m)
    .slice(1)
    .flatMap((text) => {
      const store = /^(.*):$/m.exec(text)?.[1] ?? "";
      const runs = new Map([...text.matchAll(/^(\d+)\. (.*)$/gm)].map(([, number, run]) => [number, run]));
      const [head = [], , ...rows] = [...text.matchAll(/^\|(.*)\|$/gm)].map(([, row = ""]) =>
        row.split("|").map((each) => each.trim()),
      );
      return rows.map((row): KeptLine => {
        const of = (column: string) => row[head.indexOf(column)] ?? "";
        const tools = [ours, ...peers].flatMap((tool) => readCell(tool, of(tool), of("stores' CPU s")));
        return {
          store,
          name: row[0] ?? "",
          measured: runs.get(of("run")) ?? "",
          tools: Object.fromEntries(tools),
        };
      });
    });
}

function readCell(tool: string, text: string, stores: string): [string, Figures][] {
  const [, seconds, cpu, peak] = /^([\d.]+) s, ([\d.]+) CPU s, (\d+) MiB$/.exec(text) ?? [];
  if (seconds === undefined) return [];
  const figures = { seconds: Number(seconds), cpu: Number(cpu), peak: Number(peak) };
  return [[tool, { ...figures, stores: tool === ours ? Number(stores) : 0 }]];
}

function cell(figures: Figures | undefined): string {
  if (figures === undefined) return "";
  return `${figures.seconds.toFixed(2)} s, ${figures.cpu.toFixed(2)} CPU s, ${figures.peak.toFixed(0)} MiB`;
}

/** What the best of the others takes, as a multiple of ours. */
function ratio(tools: KeptLine["tools"], field: keyof Figures): string {
  const others = peers.flatMap((peer) => tools[peer]?.[field] ?? []);
  const own = tools[ours]?.[field];
  return own === undefined || others.length === 0 ? "" : `${(Math.min(...others) / own).toFixed(2)} x`;
}
