import { parseGoDuration } from "../../template/index.ts";

/** A duration in Go's form, or whole days such as `30d`, in milliseconds. Throws BadRequest naming the flag. */
export function ageMs(text: string, name: string): number {
  const days = /^(\d{1,6})d$/.exec(text)?.[1];
  return days === undefined ? parseGoDuration(text, name) : Number(days) * 24 * 60 * 60 * 1000;
}
