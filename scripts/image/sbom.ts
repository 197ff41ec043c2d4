import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import type { ShippedPackage } from "./shipped.ts";

interface SpdxPackage {
  readonly name: string;
  readonly SPDXID: string;
  readonly versionInfo?: string;
  readonly [field: string]: unknown;
}

interface SpdxDocument {
  readonly packages: readonly SpdxPackage[];
  readonly [field: string]: unknown;
}

/**
 * The image's bill of materials, SPDX 2.3: what `npm sbom` knows about the packages that are really in the bundle, and
 * the Debian packages that files come from. Says the same each time for the same content.
 */
export function writeSbom(version: string, packages: readonly ShippedPackage[], createdMs: number): string {
  const document = npmSbom();
  const shipped = new Map(packages.map((one) => [`${one.name}@${one.version}`, one]));
  const known = document.packages.filter(({ name, versionInfo }) => shipped.delete(`${name}@${versionInfo}`));
  const others = [...shipped.values()].map((one) => spdxPackage(one));
  const all = [root(version), ...known, ...others];
  const relationships = all.slice(1).map(({ SPDXID }) => ({
    spdxElementId: rootId,
    relatedSpdxElement: SPDXID,
    relationshipType: "CONTAINS",
  }));
  const name = `outrider-${version}`;
  const digest = createHash("sha256").update(JSON.stringify(all)).digest("hex");
  const spdx = {
    ...document,
    name,
    documentNamespace: `https://spdx.org/spdxdocs/${name}-${digest}`,
    creationInfo: {
      created: new Date(createdMs).toISOString().replace(/\.\d+Z$/, "Z"),
      creators: ["Tool: npm sbom", "Tool: outrider scripts/image.ts"],
    },
    documentDescribes: [rootId],
    packages: all,
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relatedSpdxElement: rootId, relationshipType: "DESCRIBES" },
      ...relationships,
    ],
  };
  return `${JSON.stringify(spdx, undefined, 1)}\n`;
}

const rootId = "SPDXRef-Package-outrider";

function root(version: string): SpdxPackage {
  return {
    name: "outrider",
    SPDXID: rootId,
    versionInfo: version,
    primaryPackagePurpose: "CONTAINER",
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseDeclared: "Apache-2.0",
    copyrightText: "NOASSERTION",
  };
}

function npmSbom(): SpdxDocument {
  const args = ["sbom", "--omit", "dev", "--sbom-format", "spdx"];
  try {
    return JSON.parse(execFileSync("npm", args, { encoding: "utf8", maxBuffer: 1 << 26 })) as SpdxDocument;
  } catch (error) {
    throw new Error("npm sbom makes the bill of materials: it takes npm 10 (npm install --global npm@10)", {
      cause: error,
    });
  }
}

function spdxPackage({ kind, name, version, license }: ShippedPackage): SpdxPackage {
  const purl =
    kind === "deb"
      ? `pkg:deb/debian/${name}@${encodeURIComponent(version)}`
      : `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    name,
    SPDXID: `SPDXRef-Package-${kind}-${`${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`,
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseDeclared: license ?? "NOASSERTION",
    copyrightText: "NOASSERTION",
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
  };
}
