import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readlink, rm } from "node:fs/promises";
import { ExecutorError } from "../errors/index.ts";
import { asideName } from "../files/index.ts";
import { isWithin } from "../template/index.ts";

/** What a container has mounted of main's volumes. */
export interface VolumeView {
  /** The folder that stands for main's root. */
  readonly mirror: string;
  /** Where main has the step's volumes mounted. */
  readonly mounts: readonly string[];
  /** Mounts are links, as they are on a desk: these, and no others, are followed for what they say to us. */
  readonly hasLinkedMounts: boolean;
}

/** A folder on a volume, held open: whatever becomes of its name, what is looked up in it is looked up there. */
export class VolumeFolder implements AsyncDisposable {
  /** What main calls it. */
  readonly shown: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, shown: string) {
    this.#handle = handle;
    this.shown = shown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  /**
   * A path to what is in the folder, good while it is open, for this process and its children. Node has no openat; the
   * kernel's link to our own descriptor comes to the same.
   */
  path(name: string): string {
    return `${descriptorPath(this.#handle)}/${name}`;
  }

  /** The path that other containers which mount the volume in the same place know. */
  async sharedPath(name: string): Promise<string> {
    return `${await readlink(descriptorPath(this.#handle))}/${name}`;
  }

  /**
   * A folder in this one, for what will be called `name`, that no other user may enter; it goes when it is disposed of, and
   * what a killed container left goes first.
   */
  async makeOwn(name: string): Promise<OwnFolder> {
    const usual = `${name}.tmp`;
    // Nobody else can have been in it: it is safe to walk through.
    if (await isOwn(this.path(usual))) await rm(this.path(usual), { recursive: true, force: true });
    const chosen = await mkdir(this.path(usual), ownMode).then(
      () => usual,
      async (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        const aside = asideName(name);
        await mkdir(this.path(aside), ownMode);
        return aside;
      },
    );
    const folder = new VolumeFolder(await openFolder(this.path(chosen)), `${this.shown}/${chosen}`);
    return {
      folder,
      [Symbol.asyncDispose]: async () => {
        await rm(this.path(chosen), { recursive: true, force: true });
        await folder[Symbol.asyncDispose]();
      },
    };
  }
}

export interface OwnFolder extends AsyncDisposable {
  readonly folder: VolumeFolder;
}

const ownMode = { mode: 0o700 };

async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.geteuid?.() && (found.mode & 0o777) === 0o700;
}

const linksMax = 40;
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/**
 * Opens a folder on the step's volumes, made with its parents (0777 less the umask) where it is missing. The volume is the
 * step's, and that of other pods: a link on it is taken for what it says to main, element by element, from open folders, as
 * the static program does when it reads (native/view.c). Throws BadRequest where links lead away from every volume, for
 * what is written there would be ours.
 * @param path absolute, cleaned, as main calls it
 */
export async function openVolumeFolder(view: VolumeView, path: string): Promise<VolumeFolder> {
  const way = new Way(await openFolder(view.mirror, true));
  try {
    await follow(way, view, path);
    return way.arrive();
  } finally {
    await way.close();
  }
}

/** Opens a folder that only this container, and such as we trust, write to; its path is as they have it. */
export async function openOurFolder(path: string): Promise<VolumeFolder> {
  return new VolumeFolder(await openFolder(path, true), path);
}

async function follow(way: Way, view: VolumeView, path: string): Promise<void> {
  let rest = elements(path);
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === "..") {
      if (!(await way.goUp())) throw leadsAway(path, "/..");
      continue;
    }
    const next = `${way.shown}/${name}`;
    const isOnVolume = view.mounts.some((mount) => isWithin(mount, next));
    const isLinkedMount = view.hasLinkedMounts && view.mounts.includes(next);
    if (links > 0 && !isOnVolume && !isBeforeVolume(view, next)) throw leadsAway(path, next);
    const target = await way.goDown(name, { follows: isLinkedMount, makes: links === 0 || isOnVolume });
    if (target === "none") throw leadsAway(path, next);
    if (target === "entered") continue;
    if (++links > linksMax)
      throw new ExecutorError("BadRequest", `${path}: too many levels of symbolic links`);
    if (target.link.startsWith("/")) await way.goToRoot();
    rest = [...elements(target.link), ...rest];
  }
  if (links > 0 && !view.mounts.some((mount) => isWithin(mount, way.shown))) throw leadsAway(path, way.shown);
}

function elements(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** Whether a volume is mounted below. */
function isBeforeVolume({ mounts }: VolumeView, path: string): boolean {
  return mounts.some((mount) => isWithin(path, mount));
}

function leadsAway(path: string, to: string): ExecutorError {
  const text = `a link on the volume leads ${path} to ${to || "/"}, which is on no volume of the step`;
  return new ExecutorError("BadRequest", `${text}; remove the link, or choose another path`);
}

/** The open folders from main's root to where we are. */
class Way {
  readonly #folders: { readonly name: string; readonly handle: FileHandle }[];

  constructor(root: FileHandle) {
    this.#folders = [{ name: "", handle: root }];
  }

  get shown(): string {
    return this.#folders.map(({ name }) => name).join("/");
  }

  /** False at the root. */
  async goUp(): Promise<boolean> {
    if (this.#folders.length === 1) return false;
    await this.#folders.pop()?.handle.close();
    return true;
  }

  async goToRoot(): Promise<void> {
    while (await this.goUp());
  }

  /** Enters a folder, or tells that there is none, or what a link says in its place. */
  async goDown(
    name: string,
    how: { readonly follows: boolean; readonly makes: boolean },
  ): Promise<"entered" | "none" | { readonly link: string }> {
    const path = `${descriptorPath(this.#here)}/${name}`;
    try {
      this.#folders.push({ name, handle: await openFolder(path, how.follows) });
      return "entered";
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ELOOP" || code === "ENOTDIR") return { link: await this.#readLink(path, name, error) };
      if (code === "ENOENT" && !how.makes) return "none";
      if (code !== "ENOENT") throw cannotEnter(`${this.shown}/${name}`, error);
    }
    try {
      await mkdir(path, { mode: 0o777 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
      this.#folders.push({ name, handle: await openFolder(path, how.follows) });
    } catch (error) {
      throw cannotEnter(`${this.shown}/${name}`, error);
    }
    return "entered";
  }

  /** Gives away the folder where we are. */
  arrive(): VolumeFolder {
    const { shown } = this;
    const last = this.#folders.pop();
    if (last === undefined) throw new ExecutorError("Internal", "there is no folder left");
    return new VolumeFolder(last.handle, shown);
  }

  async close(): Promise<void> {
    for (const { handle } of this.#folders.splice(0)) await handle.close();
  }

  get #here(): FileHandle {
    const last = this.#folders.at(-1);
    if (last === undefined) throw new ExecutorError("Internal", "there is no folder left");
    return last.handle;
  }

  async #readLink(path: string, name: string, cause: unknown): Promise<string> {
    try {
      return await readlink(path);
    } catch {
      const text = `${this.shown}/${name} is a file, and not a folder that could hold the artifact`;
      throw new ExecutorError("BadRequest", text, { cause });
    }
  }
}

function cannotEnter(path: string, cause: unknown): ExecutorError {
  const { code = "" } = cause as NodeJS.ErrnoException;
  return new ExecutorError("BadRequest", `${path} on the volume cannot be entered or made: ${code}`, {
    cause,
  });
}

function openFolder(path: string, follows = false): Promise<FileHandle> {
  return open(path, O_RDONLY | O_DIRECTORY | (follows ? 0 : O_NOFOLLOW));
}

function descriptorPath({ fd }: FileHandle): string {
  return `/proc/${process.pid}/fd/${fd}`;
}
