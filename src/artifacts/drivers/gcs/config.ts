import { ExecutorError } from "../../../errors/index.ts";
import type { GcsLocation } from "../../../template/index.ts";

/** A GCS location, checked. */
export interface GcsConfig {
  /** `https://host:port` of the JSON API, nothing after it. */
  readonly origin: string;
  /** The Host header. */
  readonly host: string;
  readonly bucket: string;
  /** True for an emulator, which is asked without a token where the location names no key. */
  readonly isEmulator: boolean;
  /** The project that pays for requests, as Google's own clients name it; undefined: the bucket's. */
  readonly quotaProject: string | undefined;
}

/** `variables` are those of DriverSettings.identityVariables. */
export function readGcsConfig(
  { bucket = "" }: GcsLocation,
  variables: Readonly<Record<string, string | undefined>>,
): GcsConfig {
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket)) {
    const text = `the gcs location's bucket ${JSON.stringify(bucket)} is not a bucket name`;
    throw new ExecutorError("BadRequest", text);
  }
  const { STORAGE_EMULATOR_HOST: emulator, GOOGLE_CLOUD_UNIVERSE_DOMAIN: universe } = variables;
  const url = emulator ? emulatorUrl(emulator) : new URL(`https://storage.${universe || "googleapis.com"}`);
  return {
    origin: url.origin,
    host: url.host,
    bucket,
    isEmulator: Boolean(emulator),
    quotaProject: variables.GOOGLE_CLOUD_QUOTA_PROJECT || undefined,
  };
}

/** Host and port, or a URL whose path, if any, is the API's own. */
function emulatorUrl(text: string): URL {
  try {
    return new URL(text.includes("://") ? text : `http://${text}`);
  } catch {
    throw new ExecutorError("BadRequest", "STORAGE_EMULATOR_HOST must be host:port or a URL");
  }
}
