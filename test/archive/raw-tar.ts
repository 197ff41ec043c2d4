/** Writes tar headers by hand, so that a test can say what no packer would. */
export interface RawEntry {
  readonly name: string;
  /** The type flag; default `0`, a file. */
  readonly flag?: string;
  readonly link?: string;
  readonly content?: string | Buffer;
  readonly mode?: number;
  /** Claimed size, if it should differ from the content's. */
  readonly size?: number;
  readonly mtime?: number;
}

export function rawTar(entries: readonly RawEntry[], end = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...entries.map(rawEntry), end]);
}

export function rawEntry(entry: RawEntry): Buffer {
  const body = Buffer.from(entry.content ?? "");
  const header = Buffer.alloc(512);
  header.write(entry.name, 0, 100, "latin1");
  header.write(octal(entry.mode ?? 0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(entry.size ?? body.length, 12), 124);
  header.write(octal(entry.mtime ?? 1_000_000_000, 12), 136);
  header.write(" ".repeat(8), 148);
  header.write(entry.flag ?? "0", 156);
  header.write(entry.link ?? "", 157, 100, "latin1");
  header.write("ustar\x0000", 257);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

/** A PAX header with these records, for the entry that follows. */
export function rawPax(records: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length++;
    return `${length}${rest}`;
  });
  return rawEntry({ name: "pax", flag: "x", content: Buffer.from(lines.join(""), "latin1") });
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, "0")}\0`;
}
