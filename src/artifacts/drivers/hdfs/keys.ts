import { randomBytes } from "node:crypto";
import { ExecutorError } from "../../../errors/index.ts";

/** What a store of files keeps in its folder itself: files that are being written. Never listed. */
export const ownFolder = ".outrider";
/** `dfs.namenode.fs-limits.max-component-length`, where nobody has changed it. */
const nameBytesMax = 255;
/** The name nodes' own limit (`HdfsConstants.MAX_PATH_LENGTH`). */
const pathLengthMax = 8000;
const pathDepthMax = 1000;

/**
 * The path of a key's file, which is the key. Throws Unsupported for keys that no file can have, saying why, and for
 * those that are not below `root`, which ends with a slash.
 */
export function fileKey(root: string, key: string): string {
  const why = key.startsWith(root) ? whyNoFile(key.slice(root.length), key) : `it is not below ${root}`;
  if (why === undefined) return key;
  throw new ExecutorError(
    "Unsupported",
    `HDFS cannot hold the key ${JSON.stringify(key.slice(0, 200))}: ${why}; copy it to an object store`,
  );
}

/** A name for an artifact that is being written, beside its final place. */
export function unfinishedName(base: string): string {
  return `.${base.slice(0, 200)}.${randomBytes(6).toString("hex")}.argo`;
}

/** True for such a name, of whatever process: a copy of it would be half an artifact. */
export function isUnfinished(name: string): boolean {
  return /^\..*\.[0-9a-f]{12}\.argo$/s.test(name);
}

function whyNoFile(below: string, path: string): string | undefined {
  const elements = below.split("/");
  if (below === "") return "it is empty";
  if (below.endsWith("/")) return 'it ends with "/", as folders do';
  if (elements.includes("")) return 'it has "//" in it, or begins with "/"';
  if (elements.includes(".") || elements.includes("..")) return 'it has "." or ".." between slashes';
  if (below.includes(":")) return "it has a colon in it";
  if (/\p{Cc}/u.test(below)) return "it has a control character in it";
  if (elements[0] === ownFolder) return `${ownFolder}/ is where unfinished files are kept`;
  if (elements.some(isUnfinished)) return "it is named as files that are being written";
  if (elements.some((element) => Buffer.byteLength(element) > nameBytesMax))
    return `it has more than ${nameBytesMax} bytes between two slashes`;
  if (path.length > pathLengthMax || path.split("/").length > pathDepthMax)
    return `its path has more than ${pathLengthMax} characters or ${pathDepthMax} levels`;
  return below.isWellFormed() ? undefined : "it is no Unicode text";
}
