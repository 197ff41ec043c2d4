/** The order of S3 listings: by the bytes of the UTF-8 form, which is that of code points. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  // UTF-16 order differs from that of code points only where surrogates are involved.
  return /[\ud800-\uffff]/.test(a + b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1;
}

/** Keys, none of them empty, whose folders are to be found in one walk over a listing. */
export class ScanTargets {
  /** Without duplicates, in the order of their folders. */
  readonly sorted: readonly string[];
  /** What all keys begin with. */
  readonly prefix: string;
  readonly #keys: ReadonlySet<string>;

  constructor(keys: readonly string[]) {
    this.#keys = new Set(keys);
    this.sorted = [...this.#keys].sort((a, b) => compareKeys(folderOf(a), folderOf(b)));
    this.prefix = commonPrefix(folderOf(this.sorted[0] ?? ""), folderOf(this.sorted.at(-1) ?? ""));
  }

  /** A name just before everything that lies below the key at `index`. */
  startOf(index: number): string {
    const folder = folderOf(this.sorted[index] ?? "");
    // "." is the character before "/": the folder's own marker object is found this way, too.
    return `${folder.slice(0, -1)}.\u{10ffff}`;
  }

  /** The keys that an object lies below, or which name it as a folder marker. */
  ownersOf(name: string): readonly string[] {
    const owners: string[] = [];
    for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
      const folder = name.slice(0, slash);
      if (this.#keys.has(folder)) owners.push(folder);
      if (this.#keys.has(`${folder}/`)) owners.push(`${folder}/`);
    }
    return owners;
  }

  /** The first index from `index` on whose folder does not lie wholly before `name`. */
  indexAfter(name: string, index: number): number {
    let next = index;
    while (next < this.sorted.length) {
      const folder = folderOf(this.sorted[next] ?? "");
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
