import {
  type AnswerHead,
  assembleHead,
  parseField,
  parseStatusLine,
  type StatusLine,
} from "./answer-head.ts";
import { headTooLarge, malformed, unexpectedEnd } from "./errors.ts";

/** Is told what an answer consists of, in order: one head, any number of pieces, the end. */
export interface AnswerListener {
  /** Interim answers (1xx) are not told. */
  onHead(head: AnswerHead): void;
  /** A piece of the body, without its framing; a view of what was taken in. */
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

/** Go's client takes 10 MiB, Node's own 16 KiB, which some identity providers exceed. */
const headBytesMax = 1024 * 1024;
/** A chunk's size and its extensions; what comes behind the last chunk. */
const chunkLineBytesMax = 4096;
const trailerBytesMax = 64 * 1024;

const headEnd = Buffer.from("\r\n\r\n");
/** In lines with their ends: what must not be in any of them (RFC 9110 section 5.5). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these
const badByte = /\x00|\r(?!\n)/;
const cr = 0x0d;
const lf = 0x0a;

/**
 * Reads one answer (RFC 9112), strictly: what two readers could understand in two ways is refused. Bytes are taken in
 * as they come; each throw is final, and the connection must be closed then.
 */
export class AnswerReader {
  readonly #method: string;
  readonly #listener: AnswerListener;
  #state:
    | "status"
    | "fields"
    | "sized"
    | "chunk-line"
    | "chunk"
    | "chunk-end"
    | "trailers"
    | "open"
    | "done" = "status";
  #statusLine: StatusLine | undefined;
  #fields: string[] = [];
  /** The beginning of a line whose end has not come. */
  #line: Buffer | undefined;
  /** Bytes of lines since the head, or the trailers, began. */
  #lineBytes = 0;
  #left = 0;
  #hasStarted = false;

  /** `method` is that of the request. */
  constructor(method: string, listener: AnswerListener) {
    this.#method = method;
    this.#listener = listener;
  }

  /** Something has come. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get isDone(): boolean {
    return this.#state === "done";
  }

  /** So many of the next bytes belong to the body, and may be read to where it goes; `noteBody` must be told. */
  get bodyBytesNext(): number {
    if (this.#state === "open") return Number.POSITIVE_INFINITY;
    return this.#state === "sized" || this.#state === "chunk" ? this.#left : 0;
  }

  /** Takes the next bytes. Throws for what is no answer, and for bytes behind the end of one. */
  take(bytes: Buffer): void {
    if (bytes.length > 0) this.#hasStarted = true;
    let at = 0;
    while (at < bytes.length && this.#state !== "done") at = this.#step(bytes, at);
    if (at < bytes.length) throw malformed("there are bytes behind its end");
    if (this.#state === "done") this.#listener.onEnd();
  }

  /** So many bytes of the body have been read to where they go. */
  noteBody(bytes: number): void {
    this.#advance(bytes);
    if (this.isDone) this.#listener.onEnd();
  }

  /** Nothing more comes. Throws where that is not the end of the answer. */
  close(): void {
    if (this.#state === "done") return;
    if (this.#state !== "open") throw unexpectedEnd();
    this.#state = "done";
    this.#listener.onEnd();
  }

  /** Reads what begins at an offset. @returns the offset behind it */
  #step(bytes: Buffer, at: number): number {
    const bodyBytes = Math.min(this.bodyBytesNext, bytes.length - at);
    if (bodyBytes > 0) {
      this.#listener.onBody(bytes.subarray(at, at + bodyBytes));
      this.#advance(bodyBytes);
      return at + bodyBytes;
    }
    if (this.#state === "chunk-end") return this.#takeChunkEnd(bytes, at);
    return this.#takeWholeHead(bytes, at) ?? this.#takeLine(bytes, at);
  }

  /** The lines of a head that is there from its beginning to its end, as nearly all are: no piece is cut out for each. */
  #takeWholeHead(bytes: Buffer, at: number): number | undefined {
    if (this.#state !== "status" || this.#line) return undefined;
    const end = bytes.indexOf(headEnd, at);
    if (end === -1) return undefined;
    const text = bytes.toString("latin1", at, end + headEnd.length);
    // Looked for once in all of them, and line by line only to fail at the right one.
    const isClean = !badByte.test(text);
    for (let start = 0; start < text.length; ) {
      const next = text.indexOf("\n", start) + 1;
      this.#countLine(next - start);
      if (text.charCodeAt(next - 2) !== cr) throw malformed("a line ends without CR");
      const line = text.slice(start, next - 2);
      if (isClean) this.#takeText(line);
      else this.#takeLineText(line);
      start = next;
    }
    return end + headEnd.length;
  }

  #advance(bodyBytes: number): void {
    if (this.#state === "open") return;
    this.#left -= bodyBytes;
    if (this.#left > 0) return;
    this.#left = 2;
    this.#state = this.#state === "sized" ? "done" : "chunk-end";
  }

  /** Exactly a line end: what else stands there is more data than the chunk said. */
  #takeChunkEnd(bytes: Buffer, at: number): number {
    if (bytes[at] !== (this.#left === 2 ? cr : lf)) throw malformed("a chunk is not as long as it says");
    this.#left -= 1;
    if (this.#left === 0) this.#state = "chunk-line";
    return at + 1;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(lf, at);
    const next = end === -1 ? bytes.length : end + 1;
    this.#countLine(next - at);
    const piece = bytes.subarray(at, next);
    if (end === -1) {
      this.#expectAnswer(piece);
      this.#line = Buffer.concat(this.#line ? [this.#line, piece] : [piece]);
      return next;
    }
    const line = this.#line ? Buffer.concat([this.#line, piece]) : piece;
    this.#line = undefined;
    if (line[line.length - 2] !== cr) throw malformed("a line ends without CR");
    this.#takeLineText(line.toString("latin1", 0, line.length - 2));
    return next;
  }

  /** A line without its end. */
  #takeLineText(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not be in a line (RFC 9110 5.5)
    if (/[\x00\r]/.test(text)) throw malformed("a line holds NUL or CR");
    this.#takeText(text);
  }

  /** Who speaks another protocol may wait for us, without ever ending a line. */
  #expectAnswer(piece: Buffer): void {
    if (this.#state !== "status" || this.#line) return;
    const start = "HTTP/1.".slice(0, piece.length);
    if (!piece.toString("latin1").startsWith(start)) throw malformed("it does not begin with HTTP/1.");
  }

  #countLine(bytes: number): void {
    this.#lineBytes += bytes;
    switch (this.#state) {
      case "chunk-line":
        if (this.#lineBytes > chunkLineBytesMax) throw malformed("the size of a chunk does not end");
        break;
      case "trailers":
        if (this.#lineBytes > trailerBytesMax) throw malformed("its trailers do not end");
        break;
      default:
        // Interim answers count, too: there might be no end of them.
        if (this.#lineBytes > headBytesMax) throw headTooLarge();
    }
  }

  #takeText(text: string): void {
    switch (this.#state) {
      case "status":
        this.#statusLine = parseStatusLine(text);
        this.#fields = [];
        this.#state = "fields";
        break;
      case "fields":
        if (text === "") this.#takeHead();
        else parseField(text, this.#fields);
        break;
      case "chunk-line":
        this.#takeChunkSize(text);
        break;
      default:
        if (text === "") this.#state = "done";
        // Checked and dropped: they mean nothing to us.
        else parseField(text, []);
    }
  }

  #takeHead(): void {
    const line = this.#statusLine;
    if (line === undefined) return;
    if (line.status === 101) throw malformed("it switches to a protocol that nobody asked for");
    if (line.status < 200) {
      this.#state = "status";
      return;
    }
    const head = assembleHead(line, this.#fields, this.#method);
    this.#lineBytes = 0;
    this.#left = head.framing.kind === "length" ? head.framing.sizeBytes : 0;
    if (head.framing.kind === "chunks") this.#state = "chunk-line";
    else if (head.framing.kind === "close") this.#state = "open";
    else this.#state = this.#left > 0 ? "sized" : "done";
    this.#listener.onHead(head);
  }

  /** RFC 9112 section 7.1; extensions mean nothing to us. */
  #takeChunkSize(text: string): void {
    const size = /^([0-9a-f]{1,12})(?:[ \t]*;.*)?$/i.exec(text)?.[1];
    if (size === undefined) throw malformed("the size of a chunk is no number");
    this.#lineBytes = 0;
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left > 0 ? "chunk" : "trailers";
  }
}
