import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { posix } from "node:path";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";

export interface WebHdfsRequest {
  readonly op: string;
  readonly path: string;
  readonly parameters: URLSearchParams;
  /** True for what a data node would be asked. */
  readonly isData: boolean;
}

export interface WebHdfsServer {
  readonly url: string;
  /** Content by path; undefined for a directory. */
  readonly entries: Map<string, Buffer | undefined>;
  readonly requests: readonly WebHdfsRequest[];
  /** Answers that come before the usual behaviour; return false to let it act. */
  intercept(handle: (request: WebHdfsRequest, response: ServerResponse) => boolean): void;
}

/** Names of a listing that come at once, so that short listings have several pages. */
const pageSize = 3;

/** Name node and data node in one, in memory, as WebHDFS' documentation has them. */
export async function startWebHdfs(
  t: TestContext,
  tls?: { readonly key: string; readonly cert: string },
): Promise<WebHdfsServer> {
  const entries = new Map<string, Buffer | undefined>([["/", undefined]]);
  const requests: WebHdfsRequest[] = [];
  let handle: (request: WebHdfsRequest, response: ServerResponse) => boolean = () => false;
  const listener = (message: IncomingMessage, response: ServerResponse) => {
    const request = toRequest(message);
    requests.push(request);
    if (!handle(request, response))
      serve(entries, message, request, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const scheme = tls === undefined ? "http" : "https";
  const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    entries,
    requests,
    intercept: (next) => {
      handle = next;
    },
  };
}

function toRequest({ url = "/" }: IncomingMessage): WebHdfsRequest {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const path = decodeURIComponent(pathname).replace(/^\/webhdfs\/v1/, "") || "/";
  return {
    op: searchParams.get("op") ?? "",
    path,
    parameters: searchParams,
    isData: searchParams.has("data"),
  };
}

async function serve(
  entries: Map<string, Buffer | undefined>,
  message: IncomingMessage,
  request: WebHdfsRequest,
  response: ServerResponse,
): Promise<void> {
  const { op, path, parameters, isData } = request;
  const content = entries.get(path);
  const answer = (value: unknown) =>
    void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  if ((op === "OPEN" || op === "CREATE") && !isData) {
    if (op === "OPEN" && content === undefined)
      return refuse(response, 404, "FileNotFoundException", `File does not exist: ${path}`);
    const scheme = "encrypted" in message.socket ? "https" : "http";
    const location = `${scheme}://${message.headers.host}${message.url}&data=true`;
    response.writeHead(307, { location }).end();
    return;
  }
  switch (op) {
    case "OPEN": {
      const offset = Number(parameters.get("offset") ?? 0);
      const length = Number(parameters.get("length") ?? Number.POSITIVE_INFINITY);
      const rest = (content ?? Buffer.alloc(0)).subarray(offset, offset + length);
      response.writeHead(200, { "content-length": rest.byteLength }).end(rest);
      return;
    }
    case "CREATE":
      entries.set(path, await buffer(message));
      for (let folder = posix.dirname(path); folder !== "/"; folder = posix.dirname(folder))
        entries.set(folder, undefined);
      response.writeHead(201).end();
      return;
    case "GETFILESTATUS":
      if (!entries.has(path))
        return refuse(response, 404, "FileNotFoundException", `File does not exist: ${path}`);
      return answer({ FileStatus: statusOf("", content) });
    case "LISTSTATUS_BATCH": {
      const after = Buffer.from(parameters.get("startAfter") ?? "");
      const names = [...entries.keys()]
        .filter((each) => each !== "/" && posix.dirname(each) === path)
        .map((each) => posix.basename(each))
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .filter((name) => Buffer.compare(Buffer.from(name), after) > 0);
      const page = names
        .slice(0, pageSize)
        .map((name) => statusOf(name, entries.get(posix.join(path, name))));
      return answer({
        DirectoryListing: {
          partialListing: { FileStatuses: { FileStatus: page } },
          remainingEntries: names.length - page.length,
        },
      });
    }
    case "MKDIRS":
      for (let folder = path; folder !== "/"; folder = posix.dirname(folder)) {
        if (entries.get(folder) !== undefined)
          return refuse(response, 403, "ParentNotDirectoryException", folder);
        entries.set(folder, undefined);
      }
      return answer({ boolean: true });
    case "RENAME": {
      const to = parameters.get("destination") ?? "";
      const replaces = parameters.get("renameoptions") === "OVERWRITE";
      if (replaces && entries.has(to) && entries.get(to) === undefined)
        return refuse(response, 403, "IOException", `${path} and ${to} must both be directory or file`);
      if (replaces && !entries.has(posix.dirname(to)))
        return refuse(response, 404, "FileNotFoundException", `rename destination parent ${to} not found`);
      if (!replaces && entries.has(to)) return answer({ boolean: false });
      for (const each of belowOf(entries, path)) {
        entries.set(to + each.slice(path.length), entries.get(each));
        entries.delete(each);
      }
      if (!replaces) return answer({ boolean: true });
      response.writeHead(200).end();
      return;
    }
    case "SETTIMES":
      if (content === undefined)
        return refuse(response, 404, "FileNotFoundException", `File does not exist: ${path}`);
      times.set(content, Number(parameters.get("modificationtime")));
      response.writeHead(200).end();
      return;
    case "DELETE": {
      const below = belowOf(entries, path);
      if (parameters.get("recursive") !== "true" && below.length > 1)
        return refuse(response, 403, "PathIsNotEmptyDirectoryException", `${path} is non empty`);
      for (const each of below) entries.delete(each);
      return answer({ boolean: below.length > 0 });
    }
    default:
      return refuse(response, 400, "IllegalArgumentException", `Invalid value for parameter "op": ${op}`);
  }
}

export function refuse(response: ServerResponse, status: number, exception: string, message: string): void {
  const javaClassName = `org.apache.hadoop.${exception}`;
  const body = JSON.stringify({ RemoteException: { exception, javaClassName, message } });
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

function statusOf(pathSuffix: string, content: Buffer | undefined) {
  const type = content === undefined ? "DIRECTORY" : "FILE";
  return { pathSuffix, type, length: content?.byteLength ?? 0, modificationTime: timeOf(content) };
}

/** When a content was first seen. */
const times = new WeakMap<Buffer, number>();

function timeOf(content: Buffer | undefined): number {
  if (content === undefined) return 0;
  const known = times.get(content) ?? Date.now();
  times.set(content, known);
  return known;
}

function belowOf(entries: ReadonlyMap<string, unknown>, path: string): string[] {
  return [...entries.keys()].filter((each) => each === path || each.startsWith(`${path}/`));
}
