import { ExecutorError } from "../../errors/index.ts";
import { type ArtifactLocation, checkShape, locationShape, type Shape } from "../../template/index.ts";

/** A repository as its URL or its configuration names it. */
export interface RepositoryPlace {
  /** Undefined for a local folder. */
  readonly location: ArtifactLocation | undefined;
  /** The local folder. */
  readonly folder?: string | undefined;
  /** How the controller makes keys there, as far as the configuration says. */
  readonly keyFormat?: string | undefined;
  /** Only keys that begin with this; empty for all of the bucket. */
  readonly prefix: string;
  /** A server that stands in for the cloud's own, where the location has no field for it. */
  readonly emulator?: string | undefined;
  /** True where the location came with names of secrets; false: the environment's credentials are used. */
  readonly hasSecrets: boolean;
}

/** The kinds of store that have a scheme, with the field that holds the bucket. */
const schemes = {
  s3: { type: "s3", bucket: "bucket" },
  gs: { type: "gcs", bucket: "bucket" },
  gcs: { type: "gcs", bucket: "bucket" },
  azure: { type: "azure", bucket: "container" },
  oss: { type: "oss", bucket: "bucket" },
} as const;

/** Hadoop's own schemes, with what an address of the protocol begins with. */
const hadoopSchemes = { hdfs: "", webhdfs: "http://", swebhdfs: "https://" } as const;

/** Fields of a location that are said elsewhere, or by nobody. */
const noParameters = ["key", "blob", "addresses", "path", "force"];

const urlForm = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

/** True for what is a URL and no file's name. */
export function isRepositoryUrl(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text);
}

/**
 * Reads `s3://bucket/prefix?endpoint=http://host:9000`, `gs://`, `azure://container/prefix?endpoint=…`,
 * `https://ACCOUNT.blob.core.windows.net/container/prefix`, `oss://`, `hdfs://namenode:8020,namenode2:8020/folder`
 * (`webhdfs://`, `swebhdfs://`) and `file:///folder`. A parameter is a field of the location (`region=eu-west-1`, `encryptionOptions.enableEncryption=true`, `accessKeySecret=NAME/KEY`). The prefix is
 * taken as it is written, percent-encoded where need be: dots and slashes are part of keys. It ends where a folder does.
 * @throws BadRequest naming what is wrong, never showing the query
 */
export function parseRepositoryUrl(text: string): RepositoryPlace {
  const [, scheme = "", authority = "", path = "", query = ""] = urlForm.exec(text) ?? [];
  const name = scheme.toLowerCase();
  if (authority.includes("@"))
    throw wrong("it must not hold a user or a password; credentials have their own places");
  if (name === "file") return folderPlace(authority, decoded(path));
  if (name === "https" || name === "http") return azurePlace(name, authority, path, query);
  if (Object.hasOwn(hadoopSchemes, name))
    return hdfsPlace(name as keyof typeof hadoopSchemes, authority, path, query);
  if (!Object.hasOwn(schemes, name)) {
    throw wrong(
      `its scheme ${JSON.stringify(scheme)} is none of s3, gs, azure, oss, https (Azure), hdfs and file`,
    );
  }
  const { type, bucket } = schemes[name as keyof typeof schemes];
  const prefix = prefixOf(decoded(path.slice(1)));
  return place(type, { [bucket]: decoded(authority) }, prefix, query);
}

function folderPlace(authority: string, path: string): RepositoryPlace {
  if ((authority !== "" && authority !== "localhost") || path === "") {
    throw wrong("a folder is written file:///path/of/the/folder");
  }
  return { location: undefined, folder: path, prefix: "", hasSecrets: false };
}

function azurePlace(scheme: string, authority: string, path: string, query: string): RepositoryPlace {
  const elements = path.slice(1).split("/");
  // Emulators have the account in the path.
  const isEmulator = /^(127\.0\.0\.1|localhost)(:|$)/.test(authority);
  if (!isEmulator && !authority.includes(".blob.")) {
    throw wrong("an https repository is one of Azure's: https://ACCOUNT.blob.core.windows.net/CONTAINER");
  }
  const account = isEmulator ? `/${elements.shift() ?? ""}` : "";
  const [container = "", ...rest] = elements;
  const fields = { endpoint: `${scheme}://${authority}${account}`, container: decoded(container) };
  return place("azure", fields, prefixOf(decoded(rest.join("/"))), query);
}

function hdfsPlace(
  scheme: keyof typeof hadoopSchemes,
  authority: string,
  path: string,
  query: string,
): RepositoryPlace {
  if (authority === "") throw wrong(`it names no name node: ${scheme}://HOST:PORT/folder`);
  const addresses = decoded(authority)
    .split(",")
    .map((address) => hadoopSchemes[scheme] + address);
  const { folder, prefix } = hdfsFolder(decoded(path), "the repository's URL");
  return place("hdfs", { addresses, path: folder }, prefix, query);
}

/**
 * A folder of HDFS as a path, and as what every key below it begins with: keys are paths there.
 * @param source for messages
 */
export function hdfsFolder(
  path: string,
  source: string,
): { readonly folder: string; readonly prefix: string } {
  const folder = path.replace(/\/+$/, "") || "/";
  if (!folder.startsWith("/") || folder.includes("//")) {
    const text = `${source} cannot be used: a folder of HDFS is written /path/of/the/folder, not ${JSON.stringify(path)}`;
    throw new ExecutorError("BadRequest", text);
  }
  return { folder, prefix: prefixOf(folder) };
}

function place(
  type: (typeof schemes)[keyof typeof schemes]["type"] | "hdfs",
  fields: Readonly<Record<string, string | readonly string[]>>,
  prefix: string,
  query: string,
): RepositoryPlace {
  const value: Record<string, unknown> = { ...fields };
  let emulator: string | undefined;
  let hasSecrets = false;
  for (const [name, text] of new URLSearchParams(query)) {
    if (type === "gcs" && name === "endpoint") emulator = text;
    else if (type === "s3" && name === "endpoint") Object.assign(value, s3Endpoint(text));
    else {
      hasSecrets ||= name.endsWith("Secret");
      setField(value, name, text, locationShape.fields[type]);
    }
  }
  if (type === "s3") value.endpoint ??= "s3.amazonaws.com";
  const location = { [type]: value } as ArtifactLocation;
  checkShape(location, locationShape, "the repository's URL");
  return { location, prefix, emulator, hasSecrets };
}

/** Argo's field is host and port; a URL says in the same breath whether it is TLS. */
function s3Endpoint(text: string): Readonly<Record<string, unknown>> {
  const [, scheme, host = ""] = /^(https?):\/\/([^/]+)\/?$/.exec(text) ?? [];
  return scheme === undefined ? { endpoint: text } : { endpoint: host, insecure: scheme === "http" };
}

/** Sets `a.b` to what its shape says it is. */
function setField(value: Record<string, unknown>, path: string, text: string, shape: Shape): void {
  const [name = "", ...rest] = path.split(".");
  const own = typeof shape === "object" && "fields" in shape ? shape.fields : {};
  const inner = Object.hasOwn(own, name) ? own[name] : undefined;
  if (inner === undefined || noParameters.includes(name)) {
    const known = Object.keys(own).filter((field) => !noParameters.includes(field));
    throw wrong(`it has no parameter ${JSON.stringify(name)}; there are ${known.join(", ")}`);
  }
  if (rest.length > 0) {
    value[name] ??= {};
    setField(value[name] as Record<string, unknown>, rest.join("."), text, inner);
  } else if (name.endsWith("Secret") || name.endsWith("ConfigMap")) {
    const [, secret, key] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
    const kind = name.endsWith("Secret") ? "secret" : "config map";
    if (secret === undefined) throw wrong(`${name} is NAME/KEY of a ${kind}`);
    value[name] = { name: secret, key };
  } else if (inner === "flag") {
    if (text !== "true" && text !== "false" && text !== "") throw wrong(`${name} is true or false`);
    value[name] = text !== "false";
  } else if (inner === "number") {
    value[name] = Number(text);
  } else {
    value[name] = text;
  }
}

/** What lies below a folder, and not beside it. */
function prefixOf(path: string): string {
  return path === "" || path.endsWith("/") ? path : `${path}/`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("it has a % that begins no character; write it as %25");
  }
}

function wrong(why: string): ExecutorError {
  return new ExecutorError("BadRequest", `the repository's URL cannot be used: ${why}`);
}
