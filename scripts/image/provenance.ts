import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ShippedPackage } from "./shipped.ts";

interface Build {
  /** SHA-256 of the image's root folder (tree.ts). */
  readonly digest: string;
  readonly version: string;
  readonly variant: string;
  readonly packages: readonly ShippedPackage[];
}

/** What was built from what, as an in-toto statement with SLSA's provenance of builds, version 1. */
export function writeProvenance({ digest, version, variant, packages }: Build): string {
  const commit = git("rev-parse", "HEAD");
  const isClean = git("status", "--porcelain") === "";
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: `outrider-root-folder-${variant}`, digest: { dirHash: digest } }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:outrider:image:1",
        externalParameters: { command: ["scripts/image.ts"], version, variant },
        internalParameters: { arch: process.arch, platform: process.platform },
        resolvedDependencies: [
          ...(commit === undefined
            ? []
            : [{ name: "source", digest: { gitCommit: commit }, annotations: { isClean } }]),
          { name: "package-lock.json", digest: { sha256: sha256("package-lock.json") } },
          ...packages
            .filter(({ kind }) => kind === "deb")
            .map(({ name, version: own }) => ({ uri: `pkg:deb/debian/${name}@${own}` })),
        ],
      },
      runDetails: { builder: { id: "scripts/image.ts" } },
    },
  };
  return `${JSON.stringify(statement, undefined, 1)}\n`;
}

function git(...args: string[]): string | undefined {
  try {
    return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    // The sources need not be a clone: in the Dockerfile's build they are none.
    return undefined;
  }
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
