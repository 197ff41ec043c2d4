import type { Readable } from "node:stream";
import type { Payload } from "../../../http/index.ts";
import { byteStream } from "../../../streams/index.ts";

/** Cannot occur in the metadata, whose JSON is in one line, and is looked for in nothing else: the length is announced. */
const boundary = "outrider_6d0c5f5d7e2b4a1c";

export const multipartType = `multipart/related; boundary=${boundary}`;

/** Metadata and content in one body (`uploadType=multipart`), so that Google checks the one against the other. */
export function multipartBody(metadata: object, contentType: string, content: Payload): Payload {
  const before = Buffer.from(
    `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(metadata)}\r\n` +
      `--${boundary}\r\ncontent-type: ${contentType}\r\n\r\n`,
  );
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);
  const around = before.byteLength + after.byteLength;
  if (!("open" in content)) {
    return { sizeBytes: content.sizeBytes + around, chunks: [before, ...content.chunks, after] };
  }
  return {
    sizeBytes: content.sizeBytes === undefined ? undefined : content.sizeBytes + around,
    open: () => byteStream(concatenated(before, content.open(), after)),
  };
}

async function* concatenated(before: Buffer, content: Readable, after: Buffer): AsyncGenerator<Buffer> {
  yield before;
  yield* content as AsyncIterable<Buffer>;
  yield after;
}
