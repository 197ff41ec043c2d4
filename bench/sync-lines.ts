import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
    const command = `node bench/sync.ts ${process.argv.slice(2).join(" ")}`;
    return {
      store,
      name,
      rounds: runs.length,
      measured: measuredOn(command),
      tools: Object.fromEntries(tools),
    };
  }
}

interface KeptLine {
  readonly store: string;
  readonly name: string;
  readonly rounds: number;
  /** How and when. */
  readonly measured: string;
  readonly tools: Readonly<Record<string, Figures>>;
}

const file = "build/bench-sync.json";
const ours = "argoexec sync";
const peers = ["rclone", "s5cmd", "aws s3 sync"];

/** Lines take minutes each, and are measured in several runs: what was measured before stays until it is measured anew. */
export async function keepLines(lines: readonly Line[]): Promise<readonly KeptLine[]> {
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as KeptLine[]) : [];
  const measured = lines.map((line) => line.kept());
  const isNew = (line: KeptLine) =>
    measured.some(({ store, name }) => store === line.store && name === line.name);
  const all = [...before.filter((line) => !isNew(line)), ...measured];
  mkdirSync("build", { recursive: true });
  writeFileSync(file, JSON.stringify(all));
  return all;
}

/** The section of the page: a table a store. */
export function sectionOf(lines: readonly KeptLine[]): string {
  const stores = [...new Set(lines.map(({ store }) => store))].sort();
  return stores
    .map((store) =>
      storeSection(
        store,
        lines.filter((line) => line.store === store),
      ),
    )
    .join("\n\n");
}

function storeSection(store: string, lines: readonly KeptLine[]): string {
  const head = ["", ours, ...peers, "stores' CPU s", "best peer's time", "best peer's memory"];
  const rows = lines.map(({ name, tools }) => [
    name,
    ...[ours, ...peers].map((tool) => cell(tools[tool])),
    tools[ours]?.stores.toFixed(2) ?? "",
    ratio(tools, "seconds"),
    ratio(tools, "peak"),
  ]);
  const notes = [...new Set(lines.map(({ measured, rounds }) => `${measured} Medians of ${rounds}.`))];
  return `On ${store}:\n\n${table(head, rows)}\n\n${notes.join("\n")}`;
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
