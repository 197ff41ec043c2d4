import { access, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ExecutorError } from "../../../errors/index.ts";
import { writeNewFile } from "../../../files/index.ts";
import type { FileContent, TreeContent } from "../../../streams/index.ts";
import { type Artifact, isWithin } from "../../../template/index.ts";

/** Where output files stand for a plugin to read: a folder that this container shares with it. */
export class Staging {
  readonly #folder: string;

  /** @param folder `/tmp/argo/outputs` */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes the content, runs `use` with its path, and removes it again. */
  async withFile(
    artifact: Artifact,
    content: FileContent,
    use: (path: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    // Logs have no path in main.
    const [kind, name] = artifact.path
      ? ["artifacts", stagedName(artifact, content)]
      : ["logs", content.name];
    await this.#within(kind, name, use, async (path) => writeNewFile(content.open(), path, signal));
  }

  /** The same for a directory. */
  async withTree(
    artifact: Artifact,
    tree: TreeContent,
    use: (path: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#within("artifacts", artifact.name, use, async (path) => {
      await mkdir(path, { mode: 0o755 });
      for await (const { path: relative, content } of tree.files(signal)) {
        const file = join(path, relative);
        if (!isWithin(path, file)) {
          throw new ExecutorError("BadRequest", `illegal file path in the output directory: ${relative}`);
        }
        await mkdir(dirname(file), { recursive: true, mode: 0o755 });
        await writeNewFile(content.open(), file, signal);
      }
    });
  }

  async #within(
    kind: string,
    name: string,
    use: (path: string) => Promise<void>,
    write: (path: string) => Promise<void>,
  ): Promise<void> {
    const folder = join(this.#folder, kind);
    const path = join(folder, name);
    if (!isWithin(folder, path) || path === folder) {
      throw new ExecutorError("BadRequest", `illegal artifact name: ${name}`);
    }
    // The plugin may run as another user, and has to read what is here.
    await mkdir(dirname(path), { recursive: true, mode: 0o777 });
    if (await isThere(path)) {
      throw new ExecutorError("Conflict", `two output artifacts need ${path}: give them names that differ`);
    }
    try {
      await write(path);
      await use(path);
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** `<name>.tgz`, `<name>.zip`, or the artifact's name alone for what is not packed. */
function stagedName({ name, archive }: Artifact, content: FileContent): string {
  return archive?.none ? name : content.name;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
