/** What a time zone is, and those that need no database: UTC and fixed offsets. */

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

/** The executor's local zone is UTC (docs/contract/expressions.md#6.4). */
export const localZone: Zone = { ...fixedZone("UTC", 0), name: "Local" };
