import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { ExecutorError, errorText } from "../../errors/index.ts";
import { type LocationType, locationKinds, locationTypes } from "../../template/index.ts";
import { type JsonObject, memberAt, objectAt, textAt } from "../workflows/index.ts";

/** Stores whose locations can be moved: those that have buckets. */
export const movable = locationTypes.filter((type) => locationKinds[type].bucketField !== undefined);

/** One line of a map: locations that have all fields of `from`, under keys that begin with its key, become those of `to`. */
export interface MapRule {
  readonly from: { readonly type: LocationType; readonly fields: JsonObject; readonly keyStart: string };
  readonly to: {
    readonly type: LocationType;
    /** Set; null: taken out. */
    readonly fields: JsonObject;
    /** Put in place of `keyStart`. */
    readonly keyStart: string;
  };
}

/** From old to new locations. */
export interface LocationMap {
  /** The new location, or undefined where no rule is about it. The first rule that is counts. */
  moved(
    type: string,
    location: JsonObject,
  ): { readonly type: LocationType; readonly location: JsonObject } | undefined;
}

/** Reads a map from a file of YAML or JSON: a list of `{from: {s3: {...}}, to: {s3: {...}}}`. */
export async function readLocationMap(path: string): Promise<LocationMap> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ExecutorError("NotFound", `${path} cannot be read: ${errorText(cause)}`, { cause });
  }
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new ExecutorError("BadRequest", `${path}: ${errorText(cause).split("\n", 1)[0]}`, { cause });
  }
  if (!Array.isArray(value) || value.length === 0) {
    throw new ExecutorError("BadRequest", `${path} must be a list of {from: {s3: {...}}, to: {s3: {...}}}`);
  }
  return locationMap(value.map((rule, index) => readRule(rule, `${path}, rule ${index + 1}`)));
}

/** The map that the rules make. */
export function locationMap(rules: readonly MapRule[]): LocationMap {
  return {
    moved(type, location) {
      for (const rule of rules) {
        const moved = rule.from.type === type ? applied(rule, location) : undefined;
        if (moved) return { type: rule.to.type, location: moved };
      }
      return undefined;
    },
  };
}

function applied({ from, to }: MapRule, location: JsonObject): JsonObject | undefined {
  const fits = Object.entries(from.fields).every(([name, value]) =>
    isDeepStrictEqual(memberAt(location, name), value),
  );
  const oldField = keyFieldOf(from.type);
  const key = textAt(location, oldField);
  if (!fits || !key.startsWith(from.keyStart)) return undefined;
  // What another store calls by other names is not carried over, secrets least of all.
  const kept = from.type === to.type ? { ...location } : {};
  const changed: Record<string, unknown> = { ...kept, ...to.fields };
  for (const name of Object.keys(changed)) if (changed[name] === null) delete changed[name];
  if (Object.hasOwn(location, oldField)) {
    changed[keyFieldOf(to.type)] = to.keyStart + key.slice(from.keyStart.length);
  }
  return isDeepStrictEqual(changed, { ...location }) && from.type === to.type ? undefined : changed;
}

function readRule(value: unknown, where: string): MapRule {
  const from = readSide(objectAt(value, "from"), `${where}, from`);
  const to = readSide(objectAt(value, "to"), `${where}, to`);
  const bucket = bucketFieldOf(from.type);
  if (textAt(from.fields, bucket) === "") {
    throw new ExecutorError(
      "BadRequest",
      `${where}: from must name the ${bucket}, or every location would fit`,
    );
  }
  if (from.type !== to.type && textAt(to.fields, bucketFieldOf(to.type)) === "") {
    throw new ExecutorError("BadRequest", `${where}: to must name all of a location of another type`);
  }
  const rule = { from, to };
  const once = applied(rule, { ...from.fields, [keyFieldOf(from.type)]: from.keyStart });
  if (once && from.type === to.type && applied(rule, once)) {
    const text = `${where}: what it moves fits it again, so that a second run would move it once more; say more in from`;
    throw new ExecutorError("BadRequest", text);
  }
  return rule;
}

function readSide(value: JsonObject, where: string): MapRule["from"] {
  const [type, ...others] = Object.keys(value);
  if (!movable.includes(type as LocationType) || others.length > 0) {
    throw new ExecutorError("BadRequest", `${where} must have exactly one of ${movable.join(", ")}`);
  }
  const known = type as LocationType;
  const { [keyFieldOf(known)]: key = "", ...fields } = objectAt(value, known);
  if (typeof key !== "string") {
    throw new ExecutorError("BadRequest", `${where}: ${keyFieldOf(known)} must be a text`);
  }
  return { type: known, fields, keyStart: key };
}

function keyFieldOf(type: LocationType): string {
  return locationKinds[type].keyField ?? "";
}

function bucketFieldOf(type: LocationType): string {
  return locationKinds[type].bucketField ?? "";
}
