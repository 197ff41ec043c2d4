import { constants, openSync } from "node:fs";
import { chmod, link, lstat, mkdir, symlink, unlink } from "node:fs/promises";
import { posix } from "node:path";
import { ExecutorError } from "../errors/index.ts";
import { close, fchmod, open, read } from "../files/index.ts";
import { Bookkeeping } from "./bookkeeping.ts";
import { type ByteString, bytesOf, fsPath, shown } from "./byte-string.ts";
import { fileError, isSystemError } from "./errors.ts";

export type LinkPolicy =
  /** A link whose target is absolute or leaves the destination fails the archive. */
  | "error"
  /** It is created with its text as it is, and never followed. */
  | "keep";

const linkBytesMax = 4095;
const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * A directory that a foreign archive is unpacked into. Nothing outside it is ever touched, because no path that is
 * opened contains a link: names are resolved lexically against the root, each parent is checked once to be a real
 * directory (and none is ever replaced), files are created exclusively, and symbolic links exist only after `finish`.
 * Paths are relative to the root and clean, as `resolve` gives them.
 */
export class Destination {
  readonly #root: ByteString;
  readonly #links: LinkPolicy;
  readonly #umask: number;
  #verified = new Set<ByteString>([""]);
  /** Directories known to be real are forgotten all at once when they take too much. */
  readonly #verifiedBytes = new Bookkeeping();
  /** Links are held in memory until the end. */
  readonly #pendingLinks = new Map<ByteString, ByteString>();
  readonly #linkBytes = new Bookkeeping();

  constructor(root: string, links: LinkPolicy) {
    this.#root = bytesOf(root);
    this.#links = links;
    this.#umask = process.umask();
  }

  /** The path inside that a name stands for; empty for the root itself. Throws BadRequest for one that climbs out. */
  resolve(name: ByteString): ByteString {
    const clean = posix.normalize(name.startsWith("/") ? name : `./${name}`).replace(/^\/+|\/+$/g, "");
    if (clean === ".." || clean.startsWith("../")) {
      throw new ExecutorError(
        "BadRequest",
        `illegal file path: ${shown(name)} leaves the directory that is unpacked into`,
      );
    }
    return clean === "." ? "" : clean;
  }

  /** Makes a directory and its parents; the owner can always enter and write, or nothing below could be created. */
  async makeDirectory(path: ByteString, mode: number): Promise<void> {
    if (path === "") return;
    await this.#ensureDirectory(path);
    await chmod(this.#absolute(path), (mode & 0o777) | 0o700);
  }

  /** Creates an empty file for writing, in place of a file or link of that name; parents are made 0755. */
  async createFile(path: ByteString, mode: number): Promise<number> {
    this.#pendingLinks.delete(path);
    await this.#ensureParent(path);
    try {
      return await open(this.#absolute(path), createFlags, mode & 0o777);
    } catch (error) {
      if (!isSystemError(error, "EEXIST")) throw fileError(error, `create ${shown(path)}`);
    }
    await this.#removeFile(path);
    return await open(this.#absolute(path), createFlags, mode & 0o777);
  }

  /** As `createFile`, at once; undefined where that takes more than one call. */
  createFileNow(path: ByteString, mode: number): number | undefined {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (!this.#verified.has(parent) || this.#pendingLinks.has(path)) return undefined;
    try {
      return openSync(this.#absolute(path), createFlags, mode & 0o777);
    } catch (error) {
      if (isSystemError(error, "EEXIST")) return undefined;
      throw fileError(error, `create ${shown(path)}`);
    }
  }

  /** The permission bits that creating a file with `mode` does not give, because of the umask. */
  lacksBits(mode: number): boolean {
    return (mode & this.#umask & 0o777) !== 0;
  }

  /** Notes a symbolic link; `finish` creates it. */
  addSymlink(path: ByteString, target: ByteString): void {
    if (this.#links === "error" && !isInside(path, target)) {
      throw new ExecutorError(
        "BadRequest",
        `illegal symlink target: ${shown(path)} -> ${shown(target)} leaves the directory that is unpacked into`,
      );
    }
    this.#linkBytes.keep(path, target);
    this.#pendingLinks.set(path, target);
  }

  /** Sets the permission bits of a file that was unpacked before. */
  async setFileMode(path: ByteString, mode: number): Promise<void> {
    const fd = await this.#openUnpacked(path);
    try {
      await fchmod(fd, mode & 0o777);
    } finally {
      await close(fd);
    }
  }

  /** Replaces a file that was unpacked before by a link to what the file says. */
  async turnIntoSymlink(path: ByteString): Promise<void> {
    const target = Buffer.alloc(linkBytesMax + 1);
    const fd = await this.#openUnpacked(path);
    let length = 0;
    try {
      length = await read(fd, target, 0, target.length, 0);
    } finally {
      await close(fd);
    }
    if (length === 0 || length > linkBytesMax || target.subarray(0, length).includes(0)) {
      throw new ExecutorError("BadRequest", `illegal symlink target: ${shown(path)}`);
    }
    await unlink(this.#absolute(path));
    this.addSymlink(path, target.toString("latin1", 0, length));
  }

  /** Makes a second name for a file that was unpacked before. */
  async addHardLink(path: ByteString, target: ByteString): Promise<void> {
    const linkText = this.#pendingLinks.get(target);
    if (linkText !== undefined) return this.addSymlink(path, linkText);
    if (path === target) return;
    this.#pendingLinks.delete(path);
    try {
      await this.#ensureParent(path);
      await this.#checkParents(target);
      if (!(await lstat(this.#absolute(target))).isFile()) throw notAFile(path, target);
      await link(this.#absolute(target), this.#absolute(path)).catch(async (error: unknown) => {
        if (!isSystemError(error, "EEXIST")) throw error;
        await this.#removeFile(path);
        await link(this.#absolute(target), this.#absolute(path));
      });
    } catch (error) {
      if (isSystemError(error, "ENOENT", "ENOTDIR")) throw notAFile(path, target);
      throw fileError(error, `link ${shown(path)} to ${shown(target)}`);
    }
  }

  /** Creates the symbolic links, in the order of the archive. */
  async finish(signal: AbortSignal): Promise<void> {
    const links = [...this.#pendingLinks];
    this.#pendingLinks.clear();
    const linked = new Set<ByteString>();
    for (const [path, target] of links) {
      signal.throwIfAborted();
      // A parent may have become a link a moment ago: this is where following one would begin.
      for (const parent of parentsOf(path)) if (linked.has(parent)) throw throughLink(path, parent);
      await this.#ensureParent(path);
      await this.#createSymlink(path, target);
      linked.add(path);
    }
  }

  async #openUnpacked(path: ByteString): Promise<number> {
    await this.#checkParents(path);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return await open(this.#absolute(path), flags);
  }

  async #createSymlink(path: ByteString, target: ByteString): Promise<void> {
    try {
      await symlink(fsPath(target), this.#absolute(path));
    } catch (error) {
      if (!isSystemError(error, "EEXIST")) throw fileError(error, `create link ${shown(path)}`);
      await this.#removeFile(path);
      await symlink(fsPath(target), this.#absolute(path));
    }
  }

  async #ensureParent(path: ByteString): Promise<void> {
    const slash = path.lastIndexOf("/");
    if (slash !== -1) await this.#ensureDirectory(path.slice(0, slash));
  }

  async #ensureDirectory(path: ByteString): Promise<void> {
    if (this.#verified.has(path)) return;
    if (this.#pendingLinks.has(path)) throw throughLink(path, path);
    await this.#ensureParent(path);
    try {
      await mkdir(this.#absolute(path), 0o777);
      if (this.#umask !== 0o022) await chmod(this.#absolute(path), 0o755);
    } catch (error) {
      if (!isSystemError(error, "EEXIST")) throw fileError(error, `create directory ${shown(path)}`);
      await this.#checkDirectory(path);
    }
    if (!this.#verifiedBytes.fits(path)) {
      this.#verified = new Set([""]);
      this.#verifiedBytes.reset();
    }
    this.#verifiedBytes.keep(path);
    this.#verified.add(path);
  }

  async #checkParents(path: ByteString): Promise<void> {
    for (const parent of parentsOf(path)) if (!this.#verified.has(parent)) await this.#checkDirectory(parent);
  }

  async #checkDirectory(path: ByteString): Promise<void> {
    if (!(await lstat(this.#absolute(path))).isDirectory()) {
      throw new ExecutorError(
        "BadRequest",
        `illegal file path: ${shown(path)} is used as a directory and is none`,
      );
    }
  }

  async #removeFile(path: ByteString): Promise<void> {
    if ((await lstat(this.#absolute(path))).isDirectory()) {
      throw new ExecutorError(
        "BadRequest",
        `illegal file path: ${shown(path)} is both a directory and a file or link`,
      );
    }
    await unlink(this.#absolute(path));
  }

  #absolute(path: ByteString): string | Buffer {
    return fsPath(path === "" ? this.#root : `${this.#root}/${path}`);
  }
}

function parentsOf(path: ByteString): ByteString[] {
  const parents: ByteString[] = [];
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    parents.push(path.slice(0, slash));
  }
  return parents;
}

/** The lexical rule of docs/contract/artifacts.md#6.5: relative, and strictly below the root. */
function isInside(path: ByteString, target: ByteString): boolean {
  if (target === "" || target.startsWith("/")) return false;
  const resolved = posix.normalize(`${posix.dirname(path)}/${target}`);
  return resolved !== "." && resolved !== "./" && resolved !== ".." && !resolved.startsWith("../");
}

function throughLink(path: ByteString, parent: ByteString): ExecutorError {
  return new ExecutorError(
    "BadRequest",
    `illegal file path: ${shown(path)} goes through the link ${shown(parent)}; links are never followed`,
  );
}

function notAFile(path: ByteString, target: ByteString): ExecutorError {
  return new ExecutorError(
    "BadRequest",
    `illegal hard link target: ${shown(path)} -> ${shown(target)} is not a file that was unpacked before`,
  );
}
