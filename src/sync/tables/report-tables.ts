import { sizeText } from "../progress/index.ts";
import type { Deed, ReportSnapshot, Tally } from "../report/index.ts";

/** What is shown of a long list; the report in a file has all of it. */
const rowsMax = 20;
const columnsMin = 40;
/** What borders and the other columns leave to the last one at least. */
const wordsMin = 20;

type Cells = readonly (string | number)[];

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly Cells[];
  readonly leftOut: number;
  /** What there is more of. */
  readonly what: string;
}

/**
 * What people read of a report at a terminal: counts and bytes, by workflow, why, and what to look at.
 * @param columns the width of the terminal
 */
export async function reportTables(snapshot: ReportSnapshot, columns: number): Promise<string> {
  const { source, target, warnings = [], cursor } = snapshot;
  const tables = [
    totals(snapshot),
    workflows(snapshot),
    reasons(snapshot),
    incidents(snapshot, Math.max(columns, columnsMin)),
  ];
  const texts = await Promise.all(
    tables.filter(({ rows }) => rows.length > 0).map((each) => drawn(each, Math.max(columns, columnsMin))),
  );
  const title = source === undefined ? plain(target) : `${plain(source)} → ${plain(target)}`;
  const notes = warnings.map((warning) => `! ${plain(warning)}`);
  const end = cursor === undefined ? [] : [`cursor: ${cursor}`];
  return `${[`${snapshot.command} ${title}`, ...notes, ...texts, ...end].join("\n")}\n`;
}

function totals({ totals }: ReportSnapshot): Table {
  const rows = entriesOf(totals).map(([deed, { objects, bytes }]) => [deed, objects, sizeText(bytes)]);
  return { head: ["", "objects", "bytes"], rows, leftOut: 0, what: "" };
}

function workflows({ workflows }: ReportSnapshot): Table {
  const all = Object.entries(workflows).map(([name, tallies]) => {
    const entries = entriesOf(tallies);
    const bytes = entries.reduce((sum, [, tally]) => sum + tally.bytes, 0);
    const counts = entries.map(([deed, { objects }]) => `${objects} ${deed}`).join(", ");
    return { name: name === "" ? "no known workflow" : name, bytes, counts };
  });
  // One that is nobody's says no more than the totals do.
  const isTold = all.length > 1 || Object.keys(workflows).some((name) => name !== "");
  const sorted = isTold ? all.sort((a, b) => b.bytes - a.bytes) : [];
  return limited({
    head: ["workflow", "bytes", "of which"],
    rows: sorted.map(({ name, bytes, counts }) => [plain(name), sizeText(bytes), counts]),
    what: "workflows",
  });
}

function reasons({ reasons }: ReportSnapshot): Table {
  const rows = Object.entries(reasons).map(([why, times]) => [times, plain(why)]);
  return limited({ head: ["times", "why"], rows, what: "reasons" });
}

function incidents({ incidents, incidentsLeftOut }: ReportSnapshot, columns: number): Table {
  const keyLength = Math.max(wordsMin, Math.floor(columns / 2));
  const rows = incidents.map(({ deed, key, why }) => [deed, shortened(plain(key), keyLength), plain(why)]);
  return limited({ head: ["", "key", "why"], rows, what: "objects" }, incidentsLeftOut);
}

function limited({ rows, ...table }: Omit<Table, "leftOut">, more = 0): Table {
  return { ...table, rows: rows.slice(0, rowsMax), leftOut: Math.max(0, rows.length - rowsMax) + more };
}

async function drawn({ head, rows, leftOut, what }: Table, columns: number): Promise<string> {
  const { CliTable } = await import("./vendor.ts");
  const widths = head.map((text, index) =>
    Math.max(text.length, ...rows.map((row) => widthOf(String(row[index] ?? "")))),
  );
  // Two blanks and a border a column, and one border more.
  const others = widths.slice(0, -1).reduce((sum, width) => sum + width, 0) + 3 * head.length + 1;
  const last = Math.min(widths.at(-1) ?? 0, Math.max(wordsMin, columns - others));
  const table = new CliTable({
    head: [...head],
    colAligns: head.map((text) => (/^(objects|bytes|times)$/.test(text) ? "right" : "left")),
    colWidths: [...widths.slice(0, -1).map((width) => width + 2), last + 2],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString() + (leftOut > 0 ? `\n${leftOut} more ${what}: --report FILE has them` : "");
}

function entriesOf(tallies: Readonly<Partial<Record<Deed, Tally>>>): readonly [Deed, Tally][] {
  return Object.entries(tallies) as [Deed, Tally][];
}

/** Columns at most: what is not ASCII may take two. */
function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII.
  return text.replace(/[^\u0000-\u007f]/gu, "xx").length;
}

/** Keys are anybody's: what would steer the terminal, or be invisible, is written out. */
function plain(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
