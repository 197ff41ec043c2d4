import { isIP } from "node:net";
import { ExecutorError } from "../../../errors/index.ts";

/** Where a bucket's requests go. */
export interface Target {
  /** `https://host` or `http://host:port`; a default port is left out. */
  readonly origin: string;
  /** The Host header, which is signed. */
  readonly host: string;
  /** Path-style: `/bucket`; virtual-hosted style: empty. */
  readonly pathPrefix: string;
}

export interface Endpoint {
  readonly scheme: "http" | "https";
  readonly host: string;
  /** With port, except the scheme's own. */
  readonly authority: string;
  readonly kind: "aws" | "aws-fixed" | "google" | "aliyun" | "other";
  /** What the name of a regional AWS endpoint says. */
  readonly region: string | undefined;
}

export type AddressingStyle = "auto" | "path" | "virtual-hosted";

const failed = "failed to create new S3 client: ";

/** Reads `endpoint`: host or host:port, with the error texts of the reference (docs/contract/artifacts.md#5.1). */
export function parseEndpoint(endpoint: string, insecure: boolean): Endpoint {
  if (endpoint === "") throw new ExecutorError("BadRequest", `${failed}Endpoint url cannot be empty.`);
  if (/[/?#@]/.test(endpoint)) {
    throw new ExecutorError(
      "BadRequest",
      `${failed}Endpoint url cannot have fully qualified paths. Give host or host:port, without scheme and path.`,
    );
  }
  const scheme = insecure ? "http" : "https";
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(endpoint);
  const host = parts?.[1] ?? "";
  if (parts === null || !isHost(host)) {
    throw new ExecutorError(
      "BadRequest",
      `${failed}Endpoint: ${endpoint} does not follow ip address or domain name standards.`,
    );
  }
  if (/(^|\.)amazonaws\.com$/.test(host) && !isAwsHost(host)) {
    throw new ExecutorError("BadRequest", `${failed}Amazon S3 endpoint should be 's3.amazonaws.com'.`);
  }
  if (/\.googleapis\.com$/.test(host) && host !== "storage.googleapis.com") {
    throw new ExecutorError(
      "BadRequest",
      `${failed}Google Cloud Storage endpoint should be 'storage.googleapis.com'.`,
    );
  }
  const port = parts[2];
  const isDefaultPort = port === undefined || port === (insecure ? "80" : "443");
  const authority = isDefaultPort ? host : `${host}:${port}`;
  return { scheme, host, authority, kind: kindOf(host), region: regionOf(host) };
}

/** The address of a bucket in a region (docs/contract/artifacts.md#5.1, Addressing). */
export function bucketTarget(
  endpoint: Endpoint,
  bucket: string,
  region: string,
  style: AddressingStyle,
): Target {
  const authority = endpoint.kind === "aws" ? awsAuthority(region) : endpoint.authority;
  const isVirtual = style === "auto" ? isVirtualByDefault(endpoint, bucket) : style === "virtual-hosted";
  const host = isVirtual ? `${bucket}.${authority}` : authority;
  return { origin: `${endpoint.scheme}://${host}`, host, pathPrefix: isVirtual ? "" : `/${bucket}` };
}

function isVirtualByDefault({ kind, scheme }: Endpoint, bucket: string): boolean {
  // A wildcard certificate covers one label only.
  if (kind === "other" || (scheme === "https" && bucket.includes("."))) return false;
  return true;
}

function awsAuthority(region: string): string {
  return `s3.dualstack.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

function kindOf(host: string): Endpoint["kind"] {
  if (host === "storage.googleapis.com") return "google";
  if (host.endsWith(".aliyuncs.com")) return "aliyun";
  if (!isAwsHost(host)) return "other";
  return /fips|\.vpce\./.test(host) ? "aws-fixed" : "aws";
}

function isAwsHost(host: string): boolean {
  return (
    /^s3(-external-1|-fips|-accelerate)?(\.dualstack)?(\.amazonaws\.com)$/.test(host) ||
    /^s3[.-](fips[.-])?(dualstack\.)?[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com(\.cn)?$/.test(host) ||
    /\.vpce\.amazonaws\.com(\.cn)?$/.test(host)
  );
}

function regionOf(host: string): string | undefined {
  if (!isAwsHost(host)) return undefined;
  return /[.-]([a-z]{2}(?:-(?!fips)[a-z]+)+-\d)\./.exec(host)?.[1];
}

function isHost(host: string): boolean {
  if (host.startsWith("[")) return isIP(host.slice(1, -1)) === 6;
  return (
    host.length <= 253 &&
    /^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/.test(
      host,
    )
  );
}
