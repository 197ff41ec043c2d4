import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { AnswerHead } from "../../src/http/answer-head.ts";
import { AnswerReader } from "../../src/http/answer-reader.ts";

interface ReadAnswer {
  readonly head: AnswerHead | undefined;
  readonly body: string;
  readonly isDone: boolean;
}

/** Reads an answer that comes in pieces of the given sizes, over and over; what is no answer is undefined. */
function read(
  text: string,
  sizes: readonly number[] = [text.length || 1],
  isClosed = true,
): ReadAnswer | undefined {
  let head: AnswerHead | undefined;
  let body = "";
  let isDone = false;
  const reader = new AnswerReader("GET", {
    onHead(found) {
      assert.equal(head, undefined, "one head");
      head = found;
    },
    onBody(bytes) {
      assert.ok(head !== undefined && !isDone, "a body between head and end");
      body += bytes.toString("latin1");
    },
    onEnd() {
      assert.equal(isDone, false, "one end");
      isDone = true;
    },
  });
  const bytes = Buffer.from(text, "latin1");
  try {
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      reader.take(bytes.subarray(at, at + size));
      at += size;
    }
    if (isClosed) reader.close();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    assert.match(code, /^ERR_ANSWER_|^ERR_STREAM_PREMATURE_CLOSE$/);
    return undefined;
  }
  return { head, body, isDone };
}

const ok = "HTTP/1.1 200 OK\r\n";

describe("the reader of answers", () => {
  for (const [title, text] of [
    ["several Content-Length fields", `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ["several equal Content-Length fields", `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
    ["a list as Content-Length", `${ok}Content-Length: 1, 1\r\n\r\na`],
    ["a sign in Content-Length", `${ok}Content-Length: +1\r\n\r\na`],
    [
      "Content-Length and Transfer-Encoding",
      `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["a coding that nobody asked for", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ["a coding of HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a chunk that is longer than it says", `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
    ["a chunk that ends with LF", `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n`],
    ["a chunk size that is no number", `${ok}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n`],
    ["a chunk size with a sign", `${ok}Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n`],
    ["a chunk size without end", `${ok}Transfer-Encoding: chunked\r\n\r\n1;${"x".repeat(5000)}`],
    ["a folded line", `${ok}A: b\r\n c\r\nContent-Length: 0\r\n\r\n`],
    ["a blank before the colon", `${ok}Content-Length : 0\r\n\r\n`],
    ["a line without a colon", `${ok}Content-Length\r\n\r\n`],
    ["lines that end with LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["a CR in a value", `${ok}A: b\rc\r\nContent-Length: 0\r\n\r\n`],
    ["a NUL in a value", `${ok}A: b\0c\r\nContent-Length: 0\r\n\r\n`],
    ["bytes behind its end", `${ok}Content-Length: 1\r\n\r\nab`],
    ["bytes behind 204", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
    ["bytes behind the last chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx`],
    ["a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(50_000)],
    ["a head without end", `${ok}${"A: b\r\n".repeat(200_000)}`],
    ["another protocol", "SSH-2.0-x\r\n"],
    ["another version", "HTTP/2.0 200 OK\r\n\r\n"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["an end before its length", `${ok}Content-Length: 2\r\n\r\na`],
    ["an end before the last chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`],
  ] as const) {
    it(`refuses ${title}, in one piece or byte by byte`, () => {
      assert.equal(read(text), undefined);
      assert.equal(read(text, [1]), undefined);
    });
  }

  it("refuses another protocol before its line ends", () => {
    assert.equal(read("SSH-2.0-x", [3], false), undefined);
  });

  it("reads what was written, however it is cut", () => {
    const name = fc.stringMatching(/^x-[a-z0-9]{1,9}$/);
    const value = fc.stringMatching(/^[!-~]{1,9}$/);
    const chunk = fc.string({
      minLength: 1,
      maxLength: 40,
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    });
    const answer = fc.record({
      interims: fc.integer({ min: 0, max: 2 }),
      fields: fc.dictionary(name, value, { maxKeys: 5 }),
      chunks: fc.array(chunk, { maxLength: 5 }),
      framing: fc.constantFrom("length", "chunks", "close"),
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });

    fc.assert(
      fc.property(answer, sizes, ({ interims, fields, chunks, framing }, cuts) => {
        const body = chunks.join("");
        const extra = Object.entries(fields).map(([field, text]) => `${field}: ${text}\r\n`);
        const head = {
          length: `Content-Length: ${body.length}\r\n`,
          chunks: "Transfer-Encoding: Chunked\r\n",
          close: "",
        }[framing];
        const framed = chunks.map((piece) => `${piece.length.toString(16)};x=y\r\n${piece}\r\n`).join("");
        const sent = framing === "chunks" ? `${framed}000\r\nX-Trailer: 1\r\n\r\n` : body;
        const text = `${"HTTP/1.1 103 \r\nA: b\r\n\r\n".repeat(interims)}${ok}${extra.join("")}${head}\r\n${sent}`;

        const found = read(text, cuts);

        assert.deepEqual([found?.body, found?.isDone, found?.head?.status], [body, true, 200]);
        for (const [field, expected] of Object.entries(fields)) {
          assert.equal(found?.head?.headers[field], expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("says of a damaged answer the same, however it is cut, and fails in no other way", () => {
    const whole = `${ok}A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n3;x\r\nfgh\r\n0\r\n\r\n`;
    const damage = fc.record({
      at: fc.integer({ min: 0, max: whole.length }),
      removed: fc.integer({ min: 0, max: 6 }),
      added: fc.string({
        maxLength: 4,
        unit: fc.constantFrom("\r", "\n", " ", ":", "0", "a", "\0", ";", "\xff"),
      }),
    });

    fc.assert(
      fc.property(
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        (damages, size) => {
          const text = damages.reduce(
            (left, { at, removed, added }) => left.slice(0, at) + added + left.slice(at + removed),
            whole,
          );

          assert.deepEqual(read(text, [size]), read(text));
        },
      ),
      { numRuns: 3000 },
    );
  });
});
