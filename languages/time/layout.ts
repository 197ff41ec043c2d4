/** Go's date layouts: an example date whose parts name the fields (docs/contract/expressions.md#6.4). */

export type Field =
  | "month-name"
  | "month-long"
  | "month"
  | "month-2"
  | "weekday"
  | "weekday-long"
  | "day"
  | "day-space"
  | "day-2"
  | "year-day-space"
  | "year-day-3"
  | "year-2"
  | "year"
  | "hour"
  | "hour-12"
  | "hour-12-2"
  | "minute"
  | "minute-2"
  | "second"
  | "second-2"
  | "PM"
  | "pm"
  | "zone-name"
  | "fraction-fixed"
  | "fraction-trimmed"
  | "offset";

/** One field of a layout with the literal text before it. */
export interface Chunk {
  readonly literal: string;
  /** Undefined only for the text after the last field. */
  readonly field: Field | undefined;
  /** The layout's own text of the field. */
  readonly text: string;
}

const fixedElements: readonly (readonly [string, Field])[] = [
  ["January", "month-long"],
  ["Jan", "month-name"],
  ["Monday", "weekday-long"],
  ["Mon", "weekday"],
  ["MST", "zone-name"],
  ["002", "year-day-3"],
  ["01", "month-2"],
  ["02", "day-2"],
  ["03", "hour-12-2"],
  ["04", "minute-2"],
  ["05", "second-2"],
  ["06", "year-2"],
  ["15", "hour"],
  ["1", "month"],
  ["2006", "year"],
  ["2", "day"],
  ["__2", "year-day-space"],
  ["_2", "day-space"],
  ["3", "hour-12"],
  ["4", "minute"],
  ["5", "second"],
  ["PM", "PM"],
  ["pm", "pm"],
  ["-070000", "offset"],
  ["-07:00:00", "offset"],
  ["-0700", "offset"],
  ["-07:00", "offset"],
  ["-07", "offset"],
  ["Z070000", "offset"],
  ["Z07:00:00", "offset"],
  ["Z0700", "offset"],
  ["Z07:00", "offset"],
  ["Z07", "offset"],
];

/** Cuts a layout into fields; the last chunk has no field. */
export function parseLayout(layout: string): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let literal = "";
  for (let i = 0; i < layout.length; ) {
    const found = fieldAt(layout, i);
    if (found === undefined) {
      literal += layout[i++];
      continue;
    }
    chunks.push({ literal, field: found[1], text: found[0] });
    literal = "";
    i += found[0].length;
  }
  chunks.push({ literal, field: undefined, text: "" });
  return chunks;
}

function fieldAt(layout: string, i: number): readonly [string, Field] | undefined {
  // "_2006" is an underscore before a year, not a padded day.
  if (layout.startsWith("_2006", i)) return undefined;
  const fraction = /^[.,](0+|9+)(?!\d)/.exec(layout.slice(i, i + 40));
  if (fraction !== null) return [fraction[0], fraction[0][1] === "0" ? "fraction-fixed" : "fraction-trimmed"];
  for (const entry of fixedElements) {
    if (!layout.startsWith(entry[0], i)) continue;
    const isShortName = entry[1] === "month-name" || entry[1] === "weekday";
    // "Month" is a word, not the weekday Mon.
    if (isShortName && /[a-z]/.test(layout[i + 3] ?? "")) continue;
    return entry;
  }
  return undefined;
}
