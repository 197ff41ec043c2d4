/** Writes times by a layout. */
import { monthNames, weekdayNames } from "./civil.ts";
import { type Chunk, parseLayout } from "./layout.ts";
import type { Moment } from "./moment.ts";

export const rfc3339 = "2006-01-02T15:04:05Z07:00";
export const rfc3339Nano = "2006-01-02T15:04:05.999999999Z07:00";

export function formatMoment(moment: Moment, layout: string): string {
  return parseLayout(layout)
    .map((chunk) => chunk.literal + formatField(moment, chunk))
    .join("");
}

/** Display text: 2024-01-02 03:04:05 +0000 UTC. */
export function displayMoment(moment: Moment): string {
  return formatMoment(moment, "2006-01-02 15:04:05.999999999 -0700 MST");
}

function formatField(moment: Moment, chunk: Chunk): string {
  const { year, month, day } = moment.date;
  const hour = Math.floor(moment.secondOfDay / 3600);
  const minute = Math.floor(moment.secondOfDay / 60) % 60;
  const second = moment.secondOfDay % 60;
  const hour12 = hour % 12 === 0 ? 12 : hour % 12;
  switch (chunk.field) {
    case undefined:
      return "";
    case "year":
      return year < 0 ? `-${pad(-year, 4)}` : pad(year, 4);
    case "year-2":
      return pad(Math.abs(year) % 100, 2);
    case "month":
      return String(month);
    case "month-2":
      return pad(month, 2);
    case "month-name":
      return (monthNames[month - 1] ?? "").slice(0, 3);
    case "month-long":
      return monthNames[month - 1] ?? "";
    case "weekday":
      return (weekdayNames[moment.weekday] ?? "").slice(0, 3);
    case "weekday-long":
      return weekdayNames[moment.weekday] ?? "";
    case "day":
      return String(day);
    case "day-2":
      return pad(day, 2);
    case "day-space":
      return String(day).padStart(2);
    case "year-day-3":
      return pad(moment.yearDay, 3);
    case "year-day-space":
      return String(moment.yearDay).padStart(3);
    case "hour":
      return pad(hour, 2);
    case "hour-12":
      return String(hour12);
    case "hour-12-2":
      return pad(hour12, 2);
    case "minute":
      return String(minute);
    case "minute-2":
      return pad(minute, 2);
    case "second":
      return String(second);
    case "second-2":
      return pad(second, 2);
    case "PM":
      return hour >= 12 ? "PM" : "AM";
    case "pm":
      return hour >= 12 ? "pm" : "am";
    case "zone-name":
      return moment.offset.abbreviation || formatOffset(moment.offset.offset, "-0700");
    case "fraction-fixed":
    case "fraction-trimmed":
      return formatFraction(moment.nanosecond, chunk);
    case "offset":
      return formatOffset(moment.offset.offset, chunk.text);
  }
}

function formatFraction(nanosecond: number, chunk: Chunk): string {
  const digits = pad(nanosecond, 9).slice(0, chunk.text.length - 1);
  if (chunk.field === "fraction-fixed")
    return chunk.text.charAt(0) + digits.padEnd(chunk.text.length - 1, "0");
  const trimmed = digits.replace(/0+$/, "");
  return trimmed === "" ? "" : chunk.text.charAt(0) + trimmed;
}

/** `form` is one of Go's offset forms: -07:00, Z0700 and so on. */
function formatOffset(offset: number, form: string): string {
  if (form.startsWith("Z") && offset === 0) return "Z";
  const size = Math.abs(offset);
  const separator = form.includes(":") ? ":" : "";
  const parts = [pad(Math.floor(size / 3600), 2)];
  if (form.length > 3) parts.push(pad(Math.floor(size / 60) % 60, 2));
  if (form.replaceAll(":", "").length === 7) parts.push(pad(size % 60, 2));
  return (offset < 0 ? "-" : "+") + parts.join(separator);
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
