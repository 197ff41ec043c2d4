import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ExecutorError, errorText } from "../../errors/index.ts";
import { type KubeClient, readConfigMapKey, readSecretKey } from "../../kube/index.ts";
import { noRetries } from "../../retry/index.ts";
import { checkSecretSelector, type SecretSelector } from "../../template/index.ts";

/** Where the values of a repository's secrets are looked for, in this order. */
export interface SecretSources {
  /** Values that came with the configuration, by `name/key`. */
  readonly given: ReadonlyMap<string, Uint8Array>;
  /** Folders with files NAME/KEY, such as mounted secrets. */
  readonly folders: readonly string[];
  /** The cluster whose Secrets they are; undefined: none is asked. */
  readonly openKube: (() => Promise<KubeClient>) | undefined;
}

/** The name of the secret that stands for the process's environment. */
export const environmentSecret = "environment";

/** Finds the value that a selector names. Throws BadRequest saying where it was looked for. */
export async function findSecret(
  selector: SecretSelector,
  sources: SecretSources,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { name, key } = checkSecretSelector(selector);
  const given = sources.given.get(`${name}/${key}`);
  if (given !== undefined) return given;
  for (const folder of sources.folders) {
    const value = await readIfThere(join(folder, name, key));
    if (value !== undefined) return value;
  }
  if (name !== environmentSecret && sources.openKube !== undefined) {
    return await readSecretKey(await sources.openKube(), { name, key }, noRetries, signal);
  }
  const places = name === environmentSecret ? [`the variable ${key}`] : sources.folders;
  throw new ExecutorError(
    "BadRequest",
    `the secret ${name}, key ${key}, is nowhere: looked for it in ${places.join(", ") || "no folder"}`,
  );
}

/** The same for a key of a config map. @param given values that came with the configuration, by `name/key` */
export async function findConfigMap(
  selector: SecretSelector,
  { folders, openKube }: SecretSources,
  given: ReadonlyMap<string, Uint8Array>,
  signal: AbortSignal,
): Promise<string> {
  const { name, key } = checkSecretSelector(selector);
  const value = given.get(`${name}/${key}`);
  if (value !== undefined) return Buffer.from(value).toString();
  for (const folder of folders) {
    const found = await readIfThere(join(folder, name, key));
    if (found !== undefined) return Buffer.from(found).toString();
  }
  if (openKube !== undefined)
    return await readConfigMapKey(await openKube(), { name, key }, noRetries, signal);
  throw new ExecutorError(
    "BadRequest",
    `the config map ${name}, key ${key}, is nowhere: looked for it in ${folders.join(", ") || "no folder"}`,
  );
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ExecutorError("BadRequest", `${path} cannot be read: ${errorText(cause)}`, { cause });
  }
}
