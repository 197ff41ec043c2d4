import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { evaluateBatch } from "@outrider/languages/batch";

/** The answers to cases, one a line. */
export async function answersOf(lines: readonly string[]): Promise<string[]> {
  const output = new PassThrough();
  const answers = text(output);
  await evaluateBatch(Readable.from([lines.join("\n")]), output, 5_000);
  output.end();
  return (await answers).trimEnd().split("\n");
}
