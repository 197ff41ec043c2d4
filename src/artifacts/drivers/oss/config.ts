import { isIP } from "node:net";
import { ExecutorError } from "../../../errors/index.ts";
import type { OssLocation } from "../../../template/index.ts";

/** An OSS location, checked. */
export interface OssConfig {
  /** `http://host:port` of the bucket, nothing after it. */
  readonly origin: string;
  /** The Host header. */
  readonly host: string;
  /** `/bucket` where the endpoint is an address, else empty. */
  readonly pathPrefix: string;
  readonly bucket: string;
  /**
   * The region that the endpoint's name says; requests are signed with V4 there, and with V1 elsewhere, for which no
   * region is needed (docs/contract/artifacts.md#5.4).
   */
  readonly region: string | undefined;
}

export function readOssConfig(location: OssLocation): OssConfig {
  const { endpoint = "", bucket = "" } = location;
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw wrong(`bucket ${JSON.stringify(bucket)} is not a bucket name (3 to 63 of a-z, 0-9 and -)`);
  }
  const url = parse(endpoint);
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0;
  const host = isAddress ? url.host : `${bucket}.${url.host}`;
  return {
    origin: `${url.protocol}//${host}`,
    host,
    pathPrefix: isAddress ? `/${bucket}` : "",
    bucket,
    region: regionOf(url.hostname),
  };
}

function parse(endpoint: string): URL {
  const text = /^https?:\/\//i.test(endpoint) ? endpoint : `http://${endpoint}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong(
      `endpoint ${JSON.stringify(endpoint)} is neither a host nor a URL; write it as https://oss-cn-hangzhou.aliyuncs.com`,
    );
  }
  if (url.pathname !== "/" || url.search !== "" || url.username !== "") {
    throw wrong(`endpoint ${JSON.stringify(url.host)} must have neither path nor query nor user`);
  }
  return url;
}

/** `oss-cn-hangzhou.aliyuncs.com`, `oss-cn-hangzhou-internal.aliyuncs.com`, `cn-hangzhou.oss.aliyuncs.com`. */
function regionOf(hostname: string): string | undefined {
  const name = /^oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/.exec(hostname)?.[1];
  // These two are no regions: they lead to the nearest server of a network.
  return name === "accelerate" || name === "accelerate-overseas"
    ? undefined
    : (name ?? /^([a-z0-9-]+)\.oss\.aliyuncs\.com$/.exec(hostname)?.[1]);
}

function wrong(what: string): ExecutorError {
  return new ExecutorError("BadRequest", `the oss location's ${what}`);
}
