import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** This project's own. */
export async function sourceText(): Promise<Buffer> {
  const root = join(import.meta.dirname, "../..");
  const files: string[] = [];
  for (const folder of ["src", "desk", "languages"]) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (name.endsWith(".ts") && !name.includes("node_modules")) files.push(join(root, folder, name));
    }
  }
  return Buffer.concat(await Promise.all(files.sort().map((file) => readFile(file))));
}

/** Weights as 16-bit floats: nothing repeats, and some bytes are more frequent than others. */
export function floats(sizeBytes: number): Buffer {
  const words = new Uint16Array(
    new Float32Array(sizeBytes / 2).map((_, at) => Math.sin(at * at) / (1 + (at % 7))).buffer,
  );
  return Buffer.from(words.filter((_, at) => at % 2 === 1).buffer);
}
