/** The IANA zones of the machine's database, else those of the JavaScript engine. */
import { readFileSync } from "node:fs";
import { LanguageError } from "../errors/index.ts";
import { parseTzif } from "./tzif.ts";
import { localZone, utc, type Zone, type ZoneOffset } from "./zone.ts";

const databaseFolder = "/usr/share/zoneinfo";

/** Finds a zone by its IANA name. Throws LanguageError when there is none. */
export function loadZone(name: string): Zone {
  if (name === "" || name === "UTC") return utc;
  if (name === "Local") return localZone;
  if (name.includes("..") || /^[/\\]/.test(name) || name.includes("\\")) {
    throw new LanguageError("evaluation", "time: invalid location name");
  }
  const zone = fromDatabase(name) ?? fromEngine(name);
  if (zone === undefined) throw new LanguageError("evaluation", `unknown time zone ${name}`);
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
