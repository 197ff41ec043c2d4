import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** Something that somebody else made and the image holds, whole or in part. */
export interface ShippedPackage {
  readonly kind: "npm" | "deb";
  readonly name: string;
  readonly version: string;
  /** SPDX expression, where its maker says one. */
  readonly license: string | undefined;
  /** Who made it, where that is known. */
  readonly author: string | undefined;
  /** Files with its licence, copyright and notices; none: there is only the name of the licence. */
  readonly texts: readonly string[];
}

const licenseFile = /^((un)?licen[cs]e|copying|notice|copyright)([-._].*)?$/i;

/**
 * The npm packages that files belong to.
 * @param files paths below the project's folder, as esbuild names its inputs
 */
export function npmPackages(files: readonly string[]): readonly ShippedPackage[] {
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(folders)].sort().map((folder) => npmPackage(folder));
}

/** @param folder where it is installed */
export function npmPackage(folder: string): ShippedPackage {
  const { name, version, license, author } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  ) as {
    name: string;
    version: string;
    license?: string;
    author?: string | { readonly name?: string };
  };
  const files = readdirSync(folder).sort();
  const own = files.filter((file) => licenseFile.test(file));
  const texts = own.length > 0 ? own : files.filter((file) => isReadmeWithLicense(join(folder, file)));
  return {
    kind: "npm",
    name,
    version,
    license,
    author: typeof author === "string" ? author : author?.name,
    texts: texts.map((file) => join(folder, file)),
  };
}

function isReadmeWithLicense(file: string): boolean {
  return /readme/i.test(file) && /permission is hereby granted/i.test(readFileSync(file, "utf8"));
}

/**
 * The Debian packages that files belong to; empty where there is no dpkg.
 * @param files absolute paths
 */
export function debianPackages(files: readonly string[]): readonly ShippedPackage[] {
  if (!existsSync("/var/lib/dpkg/status")) return [];
  const names = new Set(files.map((file) => ownerOf(file)));
  return [...names].sort().map((name) => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder is dpkg's
    const version = dpkg("-f", "${Version}", "-W", name);
    const text = `/usr/share/doc/${name.replace(/:.*/, "")}/copyright`;
    return {
      kind: "deb",
      name: name.replace(/:.*/, ""),
      version,
      license: undefined,
      author: undefined,
      texts: existsSync(text) ? [text] : [],
    };
  });
}

/** A file is known by the path it was installed at, which since the merge of /usr may be another name for the same. */
function ownerOf(file: string): string {
  const real = realpathSync(file);
  const names = [file, real].flatMap((path) => [
    path,
    path.replace(/^\/usr(?=\/lib)/, ""),
    path.replace(/^(?=\/lib)/, "/usr"),
  ]);
  for (const path of new Set(names)) {
    try {
      const line = execFileSync("dpkg-query", ["-S", path], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      return line.slice(0, line.indexOf(": ")).split(",")[0] ?? "";
    } catch {
      // Not installed at this path.
    }
  }
  throw new Error(`no Debian package owns ${file}: its licence is not known, so it cannot be shipped`);
}

function dpkg(...args: string[]): string {
  return execFileSync("dpkg-query", args, { encoding: "utf8" }).trim();
}
