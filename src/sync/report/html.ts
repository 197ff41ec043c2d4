import { sizeText } from "../progress/index.ts";
import { escapeHtml } from "./html-text.ts";
import type { Deed, Incident, ReportSnapshot, Tally } from "./report.ts";
import { type Tile, treemapSvg } from "./treemap.ts";

const workflowsShown = 500;
const incidentsShown = 2000;

const style = `
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1c2733; background: #fff; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.from { color: #5a6b7b; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde4ea; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } td.key { overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: .85rem; }
svg { width: 100%; height: auto; border: 1px solid #dde4ea; } svg text { font: 11px system-ui, sans-serif; fill: #fff; pointer-events: none; }
rect.done { fill: #2f7d5b; } rect.equal { fill: #5f7f9b; } rect.wrong { fill: #b3403a; } rect.other { fill: #8a7a3b; } rect.rest { fill: #9aa5b0; }
tr.wrong td:first-child { color: #b3403a; font-weight: 600; }
@media (prefers-color-scheme: dark) { body { color: #dce4ec; background: #12181e; } th, td, svg { border-color: #33404d; } p.from { color: #93a3b3; } }
`;

const wrong: readonly Deed[] = ["failed", "different", "missing", "lost"];

/** A page that needs nothing but a browser: no script, no server, nothing from anywhere. */
export async function toHtml(snapshot: ReportSnapshot): Promise<string> {
  const { command, source, target, startedAt, finishedAt } = snapshot;
  const route = source === undefined ? escapeHtml(target) : `${escapeHtml(source)} → ${escapeHtml(target)}`;
  const sections = [
    `<h1>${escapeHtml(command)}</h1><p class="from">${route}<br>${startedAt} to ${finishedAt}</p>`,
    section("What became of the objects", totalsTable(snapshot)),
    section("To know of the stores", warningsList(snapshot)),
    section("Sizes by workflow", await treemapSvg(tilesOf(snapshot))),
    section("Workflows", workflowsTable(snapshot)),
    section("Why", reasonsTable(snapshot)),
    section("To look at", incidentsTable(snapshot)),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(command)}: ${escapeHtml(target)}</title><style>${style}</style></head>
<body>${sections.join("\n")}</body></html>
`;
}

function warningsList({ warnings = [] }: ReportSnapshot): string {
  if (warnings.length === 0) return "";
  return `<ul>${warnings.map((warning) => `<li>${escapeHtml(warning)}</li>`).join("")}</ul>`;
}

function section(title: string, content: string): string {
  return content === "" ? "" : `<section><h2>${title}</h2>${content}</section>`;
}

function table(head: readonly string[], rows: readonly string[]): string {
  if (rows.length === 0) return "";
  const cells = head.map(
    (text) => `<th${/^(objects|bytes|times)$/.test(text) ? ' class="number"' : ""}>${text}</th>`,
  );
  return `<table><thead><tr>${cells.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function number(text: string | number): string {
  return `<td class="number">${text}</td>`;
}

function totalsTable({ totals }: ReportSnapshot): string {
  const rows = (Object.entries(totals) as [Deed, Tally][]).map(
    ([deed, { objects, bytes }]) =>
      `<tr class="${wrong.includes(deed) ? "wrong" : ""}"><td>${deed}</td>${number(objects)}${number(sizeText(bytes))}</tr>`,
  );
  return table(["", "objects", "bytes"], rows);
}

interface WorkflowSum {
  readonly name: string;
  readonly objects: number;
  readonly bytes: number;
  readonly counts: string;
  readonly kind: string;
}

function sums({ workflows }: ReportSnapshot): readonly WorkflowSum[] {
  return Object.entries(workflows)
    .map(([name, tallies]) => {
      const entries = Object.entries(tallies) as [Deed, Tally][];
      const sum = (field: keyof Tally) => entries.reduce((total, [, tally]) => total + tally[field], 0);
      return {
        name: name === "" ? "no known workflow" : name,
        objects: sum("objects"),
        bytes: sum("bytes"),
        counts: entries.map(([deed, { objects }]) => `${objects} ${deed}`).join(", "),
        kind: kindOf(entries.map(([deed]) => deed)),
      };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

function kindOf(deeds: readonly Deed[]): string {
  if (deeds.some((deed) => wrong.includes(deed))) return "wrong";
  if (deeds.includes("orphan")) return "other";
  return deeds.some((deed) => deed === "copied" || deed === "replaced" || deed === "deleted")
    ? "done"
    : "equal";
}

function tilesOf(snapshot: ReportSnapshot): readonly Tile[] {
  return sums(snapshot).map(({ name, bytes, counts, kind }) => ({
    name,
    bytes,
    title: `${name}: ${sizeText(bytes)}, ${counts}`,
    kind,
  }));
}

function workflowsTable(snapshot: ReportSnapshot): string {
  const all = sums(snapshot);
  const rows = all
    .slice(0, workflowsShown)
    .map(
      ({ name, objects, bytes, counts, kind }) =>
        `<tr class="${kind === "wrong" ? "wrong" : ""}"><td>${escapeHtml(name)}</td>${number(objects)}${number(sizeText(bytes))}<td>${counts}</td></tr>`,
    );
  return (
    table(["workflow", "objects", "bytes", "of which"], rows) +
    leftOut(all.length - workflowsShown, "workflows")
  );
}

function reasonsTable({ reasons }: ReportSnapshot): string {
  const rows = Object.entries(reasons).map(
    ([why, times]) => `<tr><td>${escapeHtml(why)}</td>${number(times)}</tr>`,
  );
  return table(["reason", "times"], rows);
}

function incidentsTable({ incidents, incidentsLeftOut }: ReportSnapshot): string {
  const rows = incidents.slice(0, incidentsShown).map(incidentRow);
  const more = Math.max(0, incidents.length - incidentsShown) + incidentsLeftOut;
  return table(["", "key", "bytes", "why"], rows) + leftOut(more, "objects");
}

function incidentRow({ deed, key, sizeBytes, why }: Incident): string {
  const size = sizeBytes === undefined ? "" : sizeText(sizeBytes);
  return `<tr class="${wrong.includes(deed) ? "wrong" : ""}"><td>${deed}</td><td class="key">${escapeHtml(key)}</td>${number(size)}<td>${escapeHtml(why)}</td></tr>`;
}

function leftOut(count: number, what: string): string {
  return count > 0 ? `<p>${count} more ${what} are not shown.</p>` : "";
}
