import { join } from "node:path";
import { ExecutorError } from "../../errors/index.ts";

/** What we keep in the folder ourselves: files that are being written. Never listed. */
export const ownFolder = ".outrider";
/** Of a name in the file systems that there are. */
const nameBytesMax = 255;

/** Where a key's file is. Throws Unsupported for keys that no file can have, saying why. */
export function filePath(root: string, key: string): string {
  const why = whyNoFile(key);
  if (why === undefined) return join(root, key);
  throw new ExecutorError(
    "Unsupported",
    `a folder cannot hold the key ${JSON.stringify(key.slice(0, 200))}: ${why}; copy it to an object store`,
  );
}

function whyNoFile(key: string): string | undefined {
  const elements = key.split("/");
  if (key === "") return "it is empty";
  if (key.endsWith("/")) return 'it ends with "/", as folders do';
  if (elements.includes("")) return 'it has "//" in it, or begins with "/"';
  if (elements.includes(".") || elements.includes("..")) return 'it has "." or ".." between slashes';
  if (key.includes("\0")) return "it has a zero byte in it";
  if (elements[0] === ownFolder) return `${ownFolder}/ is where unfinished files are kept`;
  if (elements.some((element) => Buffer.byteLength(element) > nameBytesMax)) {
    return `it has more than ${nameBytesMax} bytes between two slashes`;
  }
  // A lone surrogate has no form in UTF-8, and the file would have another name.
  return key.isWellFormed() ? undefined : "it is no Unicode text";
}

const remedies: Readonly<
  Record<string, readonly ["NotFound" | "Forbidden" | "TooLarge" | "Unsupported", string]>
> = {
  ENOENT: ["NotFound", "there is no such file"],
  EACCES: ["Forbidden", "permission denied; give the user of this process the right to it"],
  EPERM: ["Forbidden", "not permitted; give the user of this process the right to it"],
  EROFS: ["Forbidden", "the file system is read-only"],
  ENOSPC: ["TooLarge", "no space left on the device"],
  EDQUOT: ["TooLarge", "the disk quota is used up"],
  EFBIG: ["TooLarge", "the file system takes no file of this size"],
  ENAMETOOLONG: ["Unsupported", "the name is too long for the file system"],
  EISDIR: ["Unsupported", "a folder cannot hold a key and others below it; copy it to an object store"],
  ENOTDIR: ["Unsupported", "a folder cannot hold a key and others below it; copy it to an object store"],
  EEXIST: ["Unsupported", "a folder cannot hold a key and others below it; copy it to an object store"],
  ENOTEMPTY: ["Unsupported", "a folder cannot hold a key and others below it; copy it to an object store"],
};

/** The one translation of what the file system says. */
export function fileError(error: unknown, key: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof ExecutorError || code === undefined || code === "ABORT_ERR") return error;
  const [errorCode, text] = remedies[code] ?? ["Transient", message];
  return new ExecutorError(errorCode, `${key}: ${text} (${code})`, { cause: error });
}
