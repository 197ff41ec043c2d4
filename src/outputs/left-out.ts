import { ExecutorError } from "../errors/index.ts";

/**
 * What a directory has and an object store cannot hold. It is told once a kind, with an example: a folder may have
 * thousands of links.
 */
export class LeftOut {
  readonly #kinds = new Map<string, { readonly first: string; count: number }>();

  /** @param kind such as "symlink" */
  add(kind: string, path: string): void {
    const known = this.#kinds.get(kind);
    if (known) known.count += 1;
    else this.#kinds.set(kind, { first: path, count: 1 });
  }

  report(warn: (message: string) => void): void {
    for (const [kind, { first, count }] of this.#kinds) {
      const which =
        count === 1
          ? `${first} is left out: it is a ${kind}`
          : `${count} entries such as ${first} are left out: each is a ${kind}`;
      warn(`${which}, which archive: none cannot keep; archive: tar can`);
    }
  }
}

/**
 * Names become keys below the artifact's: one that leaves them, or that a store would take for another, is refused
 * where it comes in, whoever made it up.
 */
export function checkName(name: string, folder: string): void {
  const isBelow = name.split("/").every((element) => element !== "" && element !== "." && element !== "..");
  if (!isBelow || name.includes("\0")) {
    throw new ExecutorError(
      "Corrupt",
      `${folder}: a file is called ${JSON.stringify(name)}, which no file can be`,
    );
  }
  checkKeyName(name);
}

/** Keys are text. Under another name than it has, a file could take the place of one that has that name. */
function checkKeyName(path: string): void {
  if (!path.includes("\ufffd")) return;
  throw new ExecutorError(
    "BadRequest",
    `${path} has a name that is not UTF-8, which archive: none cannot keep; archive: tar can`,
  );
}
