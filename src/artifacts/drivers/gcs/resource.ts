import { ExecutorError } from "../../../errors/index.ts";
import type { ObjectInfo } from "../../../transfer/index.ts";
import { dateOf, sizeOf } from "../../read-checks.ts";

/** The fields of an object resource that we ask for. */
export const resourceFields = "name,size,updated,generation,md5Hash,crc32c,contentEncoding,cacheControl";

/** An object resource of the JSON API, checked. */
export interface GcsObject extends ObjectInfo {
  readonly etag: string;
  /** Base64 of the CRC-32C, which Google keeps of every object. */
  readonly crc32c: string | undefined;
}

/** Reads an object resource. `key` is the name that was asked for; undefined: whatever a listing names. */
export function readResource(value: unknown, key: string | undefined): GcsObject {
  const { name, size, updated, generation, md5Hash, crc32c, contentEncoding, cacheControl } = (value ??
    {}) as Record<string, unknown>;
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
    modifiedMs: typeof updated === "string" ? dateOf(updated) : undefined,
    md5: typeof md5Hash === "string" ? Buffer.from(md5Hash, "base64").toString("hex") : undefined,
    crc32c: typeof crc32c === "string" ? crc32c : undefined,
    ...(isInflated ? { isInflated } : {}),
  };
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
