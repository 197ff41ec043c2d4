import type { ReportSnapshot, Tally } from "./report.ts";

/** The report in Prometheus' text format, for a textfile collector or a push gateway. Keys and workflows are not in it. */
export function toPrometheus({
  command,
  source,
  target,
  totals,
  finishedAt,
  startedAt,
}: ReportSnapshot): string {
  const labels = { command, source: source ?? "", target };
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const entries = Object.entries(totals) as [string, Tally][];
  return [
    "# HELP argo_sync_objects Objects of the last run by what became of them.",
    "# TYPE argo_sync_objects gauge",
    ...entries.map(([deed, { objects }]) => line("argo_sync_objects", { ...labels, deed }, objects)),
    "# HELP argo_sync_bytes Their bytes.",
    "# TYPE argo_sync_bytes gauge",
    ...entries.map(([deed, { bytes }]) => line("argo_sync_bytes", { ...labels, deed }, bytes)),
    "# HELP argo_sync_duration_seconds How long the last run took.",
    "# TYPE argo_sync_duration_seconds gauge",
    line("argo_sync_duration_seconds", labels, seconds),
    "# HELP argo_sync_finished_timestamp_seconds When the last run ended.",
    "# TYPE argo_sync_finished_timestamp_seconds gauge",
    line("argo_sync_finished_timestamp_seconds", labels, Date.parse(finishedAt) / 1000),
    "",
  ].join("\n");
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}{${pairs.join(",")}} ${value}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
