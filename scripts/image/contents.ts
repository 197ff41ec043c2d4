import { readdirSync } from "node:fs";
import { join } from "node:path";
import { table } from "../../bench/report.ts";
import { treeBytes } from "./tree.ts";

/** Packages with less are one row. */
const packageBytesMin = 50_000;

/**
 * What takes how much of an image, in two tables of Markdown: by place, and by npm package within the bundle.
 * @param root the image's root folder
 * @param bundled files below the project's folder, with the bytes that the bundle has of each
 */
export function contents(root: string, bundled: ReadonlyMap<string, number>): string {
  const at = (path: string) => treeBytes(join(root, path));
  const library = "lib/argoexec";
  const places: [string, number][] = [
    ["Node", at(`${library}/node`)],
    ["its C and C++ libraries, and the loader", at("lib") - at(library) + at("lib64")],
    ["our code and npm packages, bundled", bundleBytes(root)],
    ["bytecode of it", at(`${library}/code`)],
    ["the static program", at("bin/argoexec")],
    ["addon for deflate, and ISA-L", at(`${library}/deflate.node`) + at(`${library}/libisal.so.2`)],
    ["time zones", at("usr/share/zoneinfo")],
    ["licence texts, bill of materials", at("usr/share/doc")],
  ];
  const total = treeBytes(root);
  const named = places.reduce((sum, [, bytes]) => sum + bytes, 0);
  const rows = [
    ...places.toSorted(byBytes),
    ["authorities, MIME types and the rest", total - named] as const,
  ];
  const byPlace = [...rows, ["together", total] as const].map(([name, bytes]) => [name, kib(bytes)]);
  const packages = byPackage(bundled).toSorted(byBytes);
  const large = packages.filter(([, bytes]) => bytes >= packageBytesMin);
  const small = packages.slice(large.length);
  const rest: [string, number] = [
    `${small.length} others, each below ${packageBytesMin / 1000} kB`,
    small.reduce((sum, [, bytes]) => sum + bytes, 0),
  ];
  const byName = [...large, rest].map(([name, bytes]) => [name, kib(bytes)]);
  return `${table(["Part", "KiB"], byPlace)}\n\n${table(["Package in the bundle", "KiB"], byName)}`;
}

function bundleBytes(root: string): number {
  const folder = join(root, "lib/argoexec");
  const names = readdirSync(folder).filter((name) => /\.(c?js|json)$|^(parts|vendor)$/.test(name));
  return names.reduce((sum, name) => sum + treeBytes(join(folder, name)), 0);
}

function byPackage(bundled: ReadonlyMap<string, number>): [string, number][] {
  const found = new Map<string, number>();
  for (const [file, bytes] of bundled) {
    const [, name = "our own code"] = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
    found.set(name, (found.get(name) ?? 0) + bytes);
  }
  return [...found];
}

function byBytes([, a]: readonly [string, number], [, b]: readonly [string, number]): number {
  return b - a;
}

function kib(bytes: number): string {
  return Math.round(bytes / 1024).toLocaleString("en");
}
