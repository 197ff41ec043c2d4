import { createReadStream } from "node:fs";

/**
 * The lines of a text file, in the memory of one of them. Not with node:readline, for which a key with U+2028 in it, which
 * JSON leaves as it is, would be two lines.
 * @param lengthMax a longer line is an error; undefined: the file is ours
 */
export async function* fileLines(path: string, lengthMax?: number): AsyncGenerator<string> {
  const stream = createReadStream(path, "utf8");
  let rest = "";
  try {
    for await (const chunk of stream) {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      if (lengthMax !== undefined && rest.length > lengthMax)
        throw new Error("it has a line that is too long");
      yield* lines;
    }
    if (rest !== "") yield rest;
  } finally {
    stream.destroy();
  }
}
