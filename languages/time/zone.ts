/** Time zones: UTC, fixed offsets, and the IANA zones of the machine's database, else those of the JavaScript engine. */
import { readFileSync } from "node:fs";
import { ExecutorError } from "../../src/errors/index.ts";
import { parseTzif } from "./tzif.ts";

/** What a zone says about one moment. */
export interface ZoneOffset {
  /** Seconds east of Greenwich. */
  readonly offset: number;
  /** Abbreviation such as CEST; empty when there is none. */
  readonly abbreviation: string;
  readonly isDst: boolean;
}

export interface Zone {
  readonly name: string;
  /** `unix` in seconds since 1970, UTC. */
  at(unix: number): ZoneOffset;
  /** The offset that an abbreviation means in this zone, if it is one of its own. */
  offsetOf(abbreviation: string, unix: number): number | undefined;
}

export function fixedZone(name: string, offset: number): Zone {
  const only: ZoneOffset = { offset, abbreviation: name, isDst: false };
  return { name, at: () => only, offsetOf: (abbreviation) => (abbreviation === name ? offset : undefined) };
}

export const utc: Zone = fixedZone("UTC", 0);

/** The executor's local zone is UTC (contract expressions.md 6.4). */
export const localZone: Zone = { ...fixedZone("UTC", 0), name: "Local" };

const databaseFolder = "/usr/share/zoneinfo";

/** Finds a zone by its IANA name. Throws BadRequest when there is none. */
export function loadZone(name: string): Zone {
  if (name === "" || name === "UTC") return utc;
  if (name === "Local") return localZone;
  if (name.includes("..") || /^[/\\]/.test(name) || name.includes("\\")) {
    throw new ExecutorError("BadRequest", "time: invalid location name");
  }
  const zone = fromDatabase(name) ?? fromEngine(name);
  if (zone === undefined) throw new ExecutorError("BadRequest", `unknown time zone ${name}`);
  return zone;
}

function fromDatabase(name: string): Zone | undefined {
  try {
    return parseTzif(name, readFileSync(`${databaseFolder}/${name}`));
  } catch {
    // No database, no such zone, or a file that is none: the engine is asked next.
    return undefined;
  }
}

/** A zone of the JavaScript engine: right offsets, but few abbreviations. */
function fromEngine(name: string): Zone | undefined {
  if (!/^[A-Z]/.test(name)) return undefined;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch {
    // The engine's way of saying that it does not know the zone.
    return undefined;
  }
  const at = (unix: number): ZoneOffset => {
    const part = format.formatToParts(unix * 1000).find((each) => each.type === "timeZoneName");
    const match = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(part?.value ?? "");
    const [, sign, hours, minutes, seconds] = match ?? [];
    const size = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
    const offset = sign === "-" ? -size : size;
    return { offset, abbreviation: "", isDst: false };
  };
  return { name, at, offsetOf: () => undefined };
}
