import { readFile } from "node:fs/promises";
import { extname } from "node:path";

/** For images without a MIME table: what artifacts of workflows usually are. */
const common: Readonly<Record<string, string>> = {
  csv: "text/csv",
  gif: "image/gif",
  gz: "application/gzip",
  htm: "text/html",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  log: "text/plain",
  md: "text/markdown",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  tgz: "application/gzip",
  txt: "text/plain",
  xml: "text/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
  zst: "application/zstd",
};

const unknown = "application/octet-stream";

/** Content types by the extension of a file's name, from the image's table (docs/contract/artifacts.md#5.1, Save). */
export class ContentTypes {
  readonly #path: string;
  #text: Promise<string> | undefined;
  /** The extension that was asked for first, which for most pods is the only one: no table is made for it. */
  #first: { readonly extension: string; readonly type: string | undefined } | undefined;
  #table: ReadonlyMap<string, string> | undefined;

  constructor(path = "/etc/mime.types") {
    this.#path = path;
  }

  async of(fileName: string): Promise<string> {
    const extension = extname(fileName).slice(1).toLowerCase();
    if (extension === "") return unknown;
    this.#text ??= readText(this.#path);
    const type = this.#find(extension, await this.#text) ?? common[extension] ?? unknown;
    return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
  }

  #find(extension: string, text: string): string | undefined {
    this.#first ??= { extension, type: typeIn(text, extension) };
    if (this.#first.extension === extension) return this.#first.type;
    this.#table ??= tableOf(text);
    return this.#table.get(extension);
  }
}

/** An image without the file has the common types. */
async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}

/** The last line of mime.types that names the extension counts. */
function typeIn(text: string, extension: string): string | undefined {
  const isNamed = new RegExp(`\\s${RegExp.escape(extension)}(?=\\s|$)`, "gi");
  const lines = text.matchAll(isNamed).map(({ index }) => lineAt(text, index + 1));
  return tableOf(lines.toArray().join("\n")).get(extension);
}

function lineAt(text: string, index: number): string {
  const end = text.indexOf("\n", index);
  return text.slice(text.lastIndexOf("\n", index) + 1, end < 0 ? text.length : end);
}

function tableOf(text: string): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [type, ...extensions] = line.replace(/#.*/, "").trim().split(/\s+/);
    for (const extension of extensions) if (type !== undefined) table.set(extension.toLowerCase(), type);
  }
  return table;
}
