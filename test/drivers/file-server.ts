import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";

export interface FileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface FileServer {
  readonly url: string;
  readonly requests: readonly FileRequest[];
  readonly files: Map<string, Buffer>;
  /** Answers that come before the usual behaviour; return false to let it act. */
  intercept(handle: (request: FileRequest, response: ServerResponse) => boolean): void;
}

/** A web server that keeps what is PUT until it is deleted and serves it, with ranges and entity tags. */
export async function startFileServer(t: TestContext): Promise<FileServer> {
  const files = new Map<string, Buffer>();
  const requests: FileRequest[] = [];
  let handle: (request: FileRequest, response: ServerResponse) => boolean = () => false;
  const answer = async (message: IncomingMessage, response: ServerResponse) => {
    const { method = "", url = "", headers } = message;
    const request = { method, path: url, headers, body: await buffer(message) };
    requests.push(request);
    if (!handle(request, response)) serve(files, request, response);
  };
  const server = createServer((message, response) => {
    answer(message, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    files,
    intercept(next) {
      handle = next;
    },
  };
}

function serve(
  files: Map<string, Buffer>,
  { method, path, headers, body }: FileRequest,
  response: ServerResponse,
): void {
  if (method === "PUT") {
    files.set(path, body);
    response.writeHead(201).end();
    return;
  }
  if (method === "DELETE") {
    response.writeHead(files.delete(path) ? 204 : 404).end();
    return;
  }
  const file = files.get(path);
  if (file === undefined) {
    response.writeHead(404).end("nothing here");
    return;
  }
  const etag = `"${createHash("sha1").update(file).digest("hex")}"`;
  const start = /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1];
  if (start !== undefined && headers["if-range"] === etag) {
    const rest = file.subarray(Number(start));
    const range = `bytes ${start}-${file.byteLength - 1}/${file.byteLength}`;
    response.writeHead(206, { etag, "content-range": range, "content-length": rest.byteLength }).end(rest);
    return;
  }
  response.writeHead(200, { etag, "content-length": file.byteLength }).end(file);
}
