import { ExecutorError } from "../../../errors/index.ts";
import type { ObjectAttributes, ObjectInfo } from "../../../transfer/index.ts";
import { dateOf, sizeOf } from "../../read-checks.ts";

/** The fields of an object resource that we ask for. */
export const resourceFields = "name,size,generation,md5Hash,crc32c,contentEncoding,cacheControl,updated";
/** The same with all that is kept beside the bytes. */
export const headFields = `${resourceFields},contentType,contentDisposition,contentLanguage,metadata`;

/** An object resource of the JSON API, checked. */
export interface GcsObject extends ObjectInfo {
  readonly etag: string;
  /** Base64 of the CRC-32C, which Google keeps of every object. */
  readonly crc32c: string | undefined;
}

/** Reads an object resource. `key` is the name that was asked for; undefined: whatever a listing names. */
export function readResource(value: unknown, key: string | undefined): GcsObject {
  const resource = (value ?? {}) as Record<string, unknown>;
  const { name, size, generation, md5Hash, crc32c, contentEncoding, cacheControl, updated } = resource;
  if (typeof name !== "string" || name === "" || (key !== undefined && name !== key)) {
    throw new ExecutorError(
      "Transient",
      `${key ?? "a listing"}: the answer is not about the object that was asked for`,
    );
  }
  if (typeof generation !== "string" || !/^\d{1,20}$/.test(generation)) {
    throw new ExecutorError("Transient", `${name}: the answer names no generation; is it the store's?`);
  }
  const sizeBytes = sizeOf(typeof size === "string" ? size : undefined, `${name}: the answer names no size`);
  // Google inflates such objects for readers who do not say that they take gzip, except where it is told not to.
  const isInflated = contentEncoding === "gzip" && !/no-transform/i.test(String(cacheControl));
  return {
    key: name,
    sizeBytes,
    etag: generation,
    md5: typeof md5Hash === "string" ? Buffer.from(md5Hash, "base64").toString("hex") : undefined,
    crc32c: typeof crc32c === "string" ? crc32c : undefined,
    modifiedMs: typeof updated === "string" ? dateOf(updated) : undefined,
    ...(isInflated ? { isInflated } : {}),
    ...("contentType" in resource ? { attributes: attributesOf(resource) } : {}),
  };
}

function attributesOf(resource: Readonly<Record<string, unknown>>): ObjectAttributes {
  const text = (name: string) => {
    const value = resource[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const metadata = Object.entries(resource.metadata ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return {
    contentType: text("contentType") ?? "application/octet-stream",
    contentEncoding: text("contentEncoding"),
    contentDisposition: text("contentDisposition"),
    contentLanguage: text("contentLanguage"),
    cacheControl: text("cacheControl"),
    ...(metadata.length === 0 ? {} : { metadata: Object.fromEntries(metadata) }),
  };
}

/** The resource of an object that is to be made; the fields have the names that we have for them. */
export function resourceOf(name: string, attributes: ObjectAttributes): object {
  const { modifiedMs: _modifiedMs, ...kept } = attributes;
  return { name, ...kept };
}

export function readJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new ExecutorError("Transient", "the answer is not a JSON document, or not all of one");
}
