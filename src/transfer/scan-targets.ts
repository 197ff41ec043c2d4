/** Characters whose order in UTF-16 is not that of their code points: surrogates, and what lies above them. */
const beyondUtf16Order = /[\ud800-\uffff]/;

/** The order of S3 listings: by the bytes of the UTF-8 form, which is that of code points. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  if (!beyondUtf16Order.test(a) || !beyondUtf16Order.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Keys, none of them empty, whose folders are to be found in one walk over a listing. */
export class ScanTargets {
  /** Without duplicates. */
  readonly keys: ReadonlySet<string>;
  /** What lies below any of the keys begins with this. */
  readonly prefix: string;
  /** `key/` for each key, in the order of listings. */
  readonly #folders: readonly string[];

  constructor(keys: readonly string[]) {
    this.keys = new Set(keys);
    const folders = [...this.keys].map(folderOf);
    // Sorting by itself is a tenth of the work of calling a function for each comparison.
    this.#folders = folders.some((folder) => beyondUtf16Order.test(folder))
      ? folders.sort(compareKeys)
      : folders.sort();
    this.prefix = commonPrefix(this.#folders[0] ?? "", this.#folders.at(-1) ?? "");
  }

  /** How many folders there are; they are numbered in the order of listings. */
  get count(): number {
    return this.#folders.length;
  }

  /** A name just before everything that lies in the folder at `index`. */
  startOf(index: number): string {
    // "." is the character before "/": the folder's own marker object is found this way, too.
    return `${this.#folders[index]?.slice(0, -1) ?? ""}.\u{10ffff}`;
  }

  /** The keys that an object lies below, or which name it as a folder marker. */
  ownersOf(name: string): readonly string[] {
    const owners: string[] = [];
    for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
      const folder = name.slice(0, slash);
      if (this.keys.has(folder)) owners.push(folder);
      if (this.keys.has(`${folder}/`)) owners.push(`${folder}/`);
    }
    return owners;
  }

  /** The first index from `index` on whose folder does not lie wholly before `name`. */
  indexAfter(name: string, index: number): number {
    let next = index;
    while (next < this.#folders.length) {
      const folder = this.#folders[next] ?? "";
      if (name.startsWith(folder) || compareKeys(folder, name) > 0) break;
      next += 1;
    }
    return next;
  }
}

function folderOf(key: string): string {
  return key.endsWith("/") ? key : `${key}/`;
}

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  // Not in the middle of a character.
  if (/[\ud800-\udbff]$/.test(a.slice(0, length))) length -= 1;
  return a.slice(0, length);
}
