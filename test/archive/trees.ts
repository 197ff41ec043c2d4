import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import fc from "fast-check";

/** A tree in memory: what a test writes to disk, and what it reads back. Names are bytes as Latin-1. */
export type Node =
  | { readonly type: "file"; readonly content: string; readonly mode: number; readonly mtime: number }
  | { readonly type: "directory"; readonly mode: number; readonly children: Readonly<Record<string, Node>> }
  | { readonly type: "link"; readonly target: string };

const nameCharacter = fc.constantFrom(..."abcdefgXYZ019 -_.=\n'\"\\", "\u00c3\u00a9", "\u00e9", "\u00ff");
const name = fc
  .oneof(
    fc.array(nameCharacter, { minLength: 1, maxLength: 8 }).map((parts) => parts.join("")),
    fc.integer({ min: 90, max: 200 }).map((length) => "n".repeat(length)),
  )
  .filter((text) => text !== "." && text !== "..");

const file = fc.record({
  type: fc.constant("file" as const),
  content: fc.oneof(
    fc.uint8Array({ maxLength: 1600 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    fc.constantFrom(511, 512, 513, 65_536, 65_537, 131_073, 300_000).map((length) => "x".repeat(length)),
  ),
  mode: fc.integer({ min: 0, max: 0o777 }).map((mode) => mode | 0o400),
  mtime: fc.integer({ min: 0, max: 2 ** 32 }),
});

const link = fc.record({
  type: fc.constant("link" as const),
  target: fc.oneof(
    name,
    name.map((text) => `/${text}`),
  ),
});

/** Directories of random depth with files, links and empty directories. */
export const trees: fc.Arbitrary<Node> = fc.letrec<{ directory: Node; node: Node }>((tie) => ({
  directory: fc.record({
    type: fc.constant("directory" as const),
    mode: fc.integer({ min: 0, max: 0o777 }).map((mode) => mode | 0o700),
    children: fc.dictionary(name, tie("node"), { maxKeys: 4, noNullPrototype: true }),
  }),
  node: fc.oneof({ depthSize: "small", withCrossShrink: true }, file, link, tie("directory")),
})).directory;

export async function writeTree(path: string | Buffer, node: Node): Promise<void> {
  switch (node.type) {
    case "file":
      await writeFile(path, Buffer.from(node.content, "latin1"));
      await chmod(path, node.mode);
      await utimes(path, node.mtime, node.mtime);
      return;
    case "link":
      return symlink(Buffer.from(node.target, "latin1"), path);
    case "directory":
      await mkdir(path);
      for (const [child, below] of Object.entries(node.children)) await writeTree(inside(path, child), below);
      await chmod(path, node.mode);
  }
}

export async function readTree(path: string | Buffer): Promise<Node> {
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return { type: "link", target: await readlink(path, "latin1") };
  const mode = stats.mode & 0o7777;
  if (stats.isFile()) {
    return { type: "file", content: await readFile(path, "latin1"), mode, mtime: stats.mtimeMs / 1000 };
  }
  const children: Record<string, Node> = {};
  for (const child of (await readdir(path, "latin1")).sort())
    children[child] = await readTree(inside(path, child));
  return { type: "directory", mode, children };
}

/** The tree without what an archive form does not keep. */
export function mapTree(node: Node, change: (node: Node) => Node): Node {
  const changed = change(node);
  if (changed.type !== "directory") return { ...changed };
  const children = Object.entries(changed.children).map(([child, below]) => [child, mapTree(below, change)]);
  return {
    ...changed,
    children: Object.fromEntries(children.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))),
  };
}

function inside(path: string | Buffer, child: string): Buffer {
  return Buffer.concat([Buffer.from(path), Buffer.from("/"), Buffer.from(child, "latin1")]);
}
