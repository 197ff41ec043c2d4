import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { ExecutorError } from "../errors/index.ts";
import { asideName } from "../files/index.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_DIRECTORY } = constants;

/**
 * A folder on the volume that all containers of the pod can write to, held open. The step owns the volume as much as
 * we do: what stands there may be a link, a FIFO or a device, or be swapped at any moment. So folders are opened one
 * by one, none through a link, names are looked up in the open folder, and nothing but a regular file is read. What is
 * not as the executor left it throws BadRequest; what is missing is undefined (docs/security.md).
 */
export class SharedFolder implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #shown: string;

  /** Opens a folder by a path that is ours: a volume's mount. */
  static async open(path: string): Promise<SharedFolder> {
    return new SharedFolder(await open(path, O_RDONLY | O_DIRECTORY), path);
  }

  private constructor(handle: FileHandle, shown: string) {
    this.#handle = handle;
    this.#shown = shown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  /** A folder in this one; with `makes` it is made (0777 less the umask) where it is missing. */
  async folder(name: string, makes = false): Promise<SharedFolder | undefined> {
    const shown = `${this.#shown}/${name}`;
    if (makes) {
      await mkdir(this.#path(name), { mode: 0o777 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
    }
    const handle = await this.#open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return handle && new SharedFolder(handle, shown);
  }

  /** A regular file to read, which the caller closes. */
  async file(name: string): Promise<FileHandle | undefined> {
    const handle = await this.#open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (handle === undefined || (await handle.stat()).isFile()) return handle;
    await handle.close();
    throw this.#replaced(name);
  }

  /** The last `bytesMax` bytes of a file. */
  async readEnd(name: string, bytesMax: number): Promise<Buffer | undefined> {
    const file = await this.file(name);
    if (file === undefined) return undefined;
    try {
      const { size } = await file.stat();
      return await readRange(file, Math.max(0, size - bytesMax), Math.min(size, bytesMax));
    } finally {
      await file.close();
    }
  }

  /** Whether anything of that name is there. */
  async has(name: string): Promise<boolean> {
    return lstat(this.#path(name)).then(
      () => true,
      () => false,
    );
  }

  /** Where to connect to a socket, for as long as the folder is open; undefined for anything else. */
  async socketPath(name: string): Promise<string | undefined> {
    const path = this.#path(name);
    const found = await lstat(path).catch(() => undefined);
    return found?.isSocket() ? path : undefined;
  }

  /** Removes a file, or a link itself; one that is not there is no error. */
  async remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  async names(): Promise<readonly string[]> {
    return readdir(this.#path("."));
  }

  /**
   * Writes a whole file: aside, under a name that nobody can guess, then renamed, so that a reader sees all of it or
   * nothing, whatever stood there. `mode`: permission bits; the umask does not apply.
   */
  async publish(name: string, content: string | Uint8Array, mode: number): Promise<void> {
    const aside = this.#path(asideName(name));
    const file = await open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      await file.writeFile(content);
      await file.chmod(mode);
      await rename(aside, this.#path(name)).catch(async (error: NodeJS.ErrnoException) => {
        if (!["EISDIR", "ENOTEMPTY", "EEXIST"].includes(error.code ?? "")) throw error;
        // A folder of that name would be in the way for ever.
        await rename(this.#path(name), this.#path(asideName("away")));
        await rename(aside, this.#path(name));
      });
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  async #open(name: string, flags: number): Promise<FileHandle | undefined> {
    try {
      return await open(this.#path(name), flags);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "ENOENT") return undefined;
      if (["ELOOP", "ENOTDIR", "EMLINK", "ENXIO"].includes(code ?? "")) throw this.#replaced(name, cause);
      throw cause;
    }
  }

  /** Node has no openat; the kernel's link to our own descriptor comes to the same. */
  #path(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`;
  }

  #replaced(name: string, cause?: unknown): ExecutorError {
    const text = `${this.#shown}/${name} is not what the executor left there: a step must leave /var/run/argo alone`;
    return new ExecutorError("BadRequest", text, { cause });
  }
}

/** The bytes of a range, fewer where the file has become shorter. */
export async function readRange(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
