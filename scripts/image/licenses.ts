import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { ShippedPackage } from "./shipped.ts";

/**
 * Puts the licence texts of everything that is shipped, and our own, below `folder`, a folder for each package. Throws
 * where a package neither brings one nor names a licence whose text is known: it must not be shipped then.
 */
export function placeLicenses(folder: string, packages: readonly ShippedPackage[]): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync("LICENSE", join(folder, "LICENSE"));
  for (const one of packages) {
    const own = join(folder, one.kind, `${one.name.replace("/", "+")}@${one.version.replace(":", "+")}`);
    mkdirSync(own, { recursive: true });
    for (const text of one.texts) copyFileSync(text, join(own, basename(text)));
    if (one.texts.length === 0) writeFileSync(join(own, "LICENSE"), standardText(one));
  }
}

const standardTexts: Readonly<Record<string, (author: string) => string>> = {
  "Apache-2.0": () => readFileSync("LICENSE", "utf8"),
  MIT: (author) => `MIT License

Copyright (c) ${author}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`,
  ISC: (author) => `ISC License

Copyright (c) ${author}

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT,
OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF
CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`,
};

/** The licence that a package without a text of its own names, with its author. */
function standardText({ name, version, license, author }: ShippedPackage): string {
  const text = standardTexts[license ?? ""];
  if (!text || author === undefined) {
    throw new Error(
      `${name} ${version} brings no licence text, and names "${license}": it cannot be shipped`,
    );
  }
  return text(author);
}
