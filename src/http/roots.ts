import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ExecutorError, errorText } from "../errors/index.ts";

export interface RootSources {
  /** `SSL_CERT_FILE`. */
  readonly file: string | undefined;
  /** `SSL_CERT_DIR`: folders, separated by colons. */
  readonly folders: string | undefined;
  /** A folder of further certificates, such as a mounted Secret; need not exist. */
  readonly mounted?: string;
}

/**
 * PEM of the roots to trust: the public ones, what the two variables name, and every file of the mounted Secret
 * (docs/contract/roles.md#1.2 and docs/contract/artifacts.md#4). With both variables set they stand for the public
 * ones, as in Go. Undefined: the public roots alone, which Node has at hand.
 */
export function readRoots({ file, folders, mounted }: RootSources): string | undefined {
  const own = [
    ...(file ? [read(file, "SSL_CERT_FILE")] : []),
    ...(folders ?? "").split(":").flatMap((folder) => (folder === "" ? [] : readFolder(folder))),
    ...(mounted === undefined ? [] : readFolder(mounted)),
  ];
  if (own.length === 0) return undefined;
  const isReplaced = file && folders;
  const publicRoots = isReplaced ? [] : process.getBuiltinModule("node:tls").rootCertificates;
  return [...publicRoots, ...own].join("\n");
}

/** The certificates of the files right inside a folder; keys and other files there are none of our business. */
function readFolder(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // Neither the Secret nor the folders of SSL_CERT_DIR have to exist.
    return [];
  }
  return names.flatMap((name) => {
    try {
      const text = readFileSync(join(folder, name), "utf8");
      return text.includes("-----BEGIN CERTIFICATE-----") ? [text] : [];
    } catch {
      // A folder, or a file that we may not read, as Go passes over it.
      return [];
    }
  });
}

let trustsPublicRoots = false;

/**
 * Lets connections that name no authorities trust the public ones and those of NODE_EXTRA_CA_CERTS. In pods Node is
 * started without (scripts/bundle.ts), for reading them costs CPU in every one; any other Node has them.
 */
export function trustPublicRoots(): void {
  if (trustsPublicRoots || !process.execArgv.includes("--use-openssl-ca")) return;
  trustsPublicRoots = true;
  const { getCACertificates, setDefaultCACertificates } = process.getBuiltinModule("node:tls");
  setDefaultCACertificates([...getCACertificates("bundled"), ...getCACertificates("extra")]);
}

function read(path: string, variable: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ExecutorError("BadRequest", `${variable} cannot be read: ${errorText(cause)}`, { cause });
  }
}
