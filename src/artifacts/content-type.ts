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
  #table: Promise<ReadonlyMap<string, string>> | undefined;

  constructor(path = "/etc/mime.types") {
    this.#path = path;
  }

  async of(fileName: string): Promise<string> {
    const extension = extname(fileName).slice(1).toLowerCase();
    if (extension === "") return unknown;
    this.#table ??= readTable(this.#path);
    const type = (await this.#table).get(extension) ?? unknown;
    return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
  }
}

async function readTable(path: string): Promise<ReadonlyMap<string, string>> {
  const table = new Map(Object.entries(common));
  try {
    for (const line of (await readFile(path, "utf8")).split("\n")) {
      const [type, ...extensions] = line.replace(/#.*/, "").trim().split(/\s+/);
      for (const extension of extensions) if (type !== undefined) table.set(extension.toLowerCase(), type);
    }
  } catch {
    // An image without the file has the common types.
  }
  return table;
}
