import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";

export interface GitRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface GitServer {
  readonly url: string;
  /** The folder of the bare repositories. */
  readonly root: string;
  readonly requests: readonly GitRequest[];
  /** Objects of LFS by their oid. */
  readonly largeFiles: Map<string, Buffer>;
  /** Variables that the server gives git. */
  readonly environment: Record<string, string>;
  /** Answers that come before the usual behaviour; return false to let it act. */
  intercept(handle: (request: IncomingMessage, response: ServerResponse) => boolean): void;
}

export interface GitServerOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** `user:password`; without it everybody may read. */
  readonly credentials?: string;
}

/** git's own http-backend behind a web server, with the batch API of LFS beside it. */
export async function startGitServer(t: TestContext, options: GitServerOptions = {}): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), "outrider-git-"));
  const requests: GitRequest[] = [];
  const largeFiles = new Map<string, Buffer>();
  const environment: Record<string, string> = {};
  let handle: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const { method = "", url = "", headers } = request;
    requests.push({ method, path: url, authorization: headers.authorization });
    if (handle(request, response)) return;
    const wanted = options.credentials && `Basic ${Buffer.from(options.credentials).toString("base64")}`;
    if (wanted !== undefined && headers.authorization !== wanted) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    } else if (url.includes("/info/lfs/")) {
      serveLargeFile(largeFiles, request, response).catch(() => response.destroy());
    } else serveRepository({ root, environment }, request, response);
  };
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(root, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    root,
    requests,
    largeFiles,
    environment,
    intercept(next) {
      handle = next;
    },
  };
}

/** RFC 3875, as far as git-http-backend(1) wants it. */
function serveRepository(
  { root, environment }: Pick<GitServer, "root" | "environment">,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const { headers } = request;
  const cgi = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: searchParams.toString(),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: headers["content-type"] ?? "",
      ...environment,
      HTTP_CONTENT_ENCODING: String(headers["content-encoding"] ?? ""),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(cgi.stdin);
  cgi.stdin.on("error", () => {});
  response.on("close", () => cgi.kill());
  let head = Buffer.alloc(0);
  cgi.stdout.on("data", function onHead(chunk: Buffer) {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    cgi.stdout.off("data", onHead);
    const lines = head.toString("latin1", 0, end).split("\r\n");
    const fields = lines.map((line) => line.split(/: */, 2) as [string, string]);
    const status = fields.find(([name]) => name === "Status")?.[1] ?? "200";
    for (const [name, value] of fields) if (name !== "Status") response.setHeader(name, value);
    response.writeHead(Number.parseInt(status, 10));
    response.write(head.subarray(end + 4));
    cgi.stdout.pipe(response);
  });
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md */
async function serveLargeFile(
  files: ReadonlyMap<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (request.method === "POST" && pathname.endsWith("/objects/batch")) {
    const asked = JSON.parse(await text(request)) as { objects: { oid: string; size: number }[] };
    const protocol = "encrypted" in request.socket ? "https" : "http";
    const base = `${protocol}://${request.headers.host}${pathname.replace(/\/batch$/, "")}`;
    const objects = asked.objects.map(({ oid, size }) =>
      files.has(oid)
        ? { oid, size, authenticated: false, actions: { download: { href: `${base}/${oid}` } } }
        : { oid, size, error: { code: 404, message: "Object does not exist" } },
    );
    const body = JSON.stringify({ transfer: "basic", objects });
    response.writeHead(200, { "content-type": "application/vnd.git-lfs+json" }).end(body);
    return;
  }
  const file = files.get(pathname.split("/").at(-1) ?? "");
  if (file === undefined) response.writeHead(404).end();
  else response.writeHead(200, { "content-length": file.byteLength }).end(file);
}

/** What `git` prints, in a folder and without the configuration of who runs the tests. */
export function git(folder: string, ...args: readonly string[]): string {
  const { PATH } = process.env;
  const identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "protocol.file.allow=always"];
  return execFileSync("git", [...identity, ...args], {
    cwd: folder,
    env: { PATH, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

/** A bare repository `NAME.git` below `root` whose commits have the given files, one commit each. */
export function makeRepository(
  root: string,
  name: string,
  commits: readonly Readonly<Record<string, string>>[],
): string {
  const bare = join(root, `${name}.git`);
  const work = join(root, `${name}.work`);
  mkdirSync(work);
  git(work, "init", "-q", "-b", "main");
  for (const [index, files] of commits.entries()) {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      writeFileSync(join(work, path), content);
    }
    git(work, "add", "-A");
    git(work, "commit", "-q", "-m", `commit ${index + 1}`);
  }
  git(root, "clone", "-q", "--bare", work, bare);
  return work;
}

/** Sends everything of the work tree to the bare repository. */
export function publish(root: string, name: string): void {
  git(join(root, `${name}.work`), "push", "-q", "--all", "--force", join(root, `${name}.git`));
  git(join(root, `${name}.work`), "push", "-q", "--tags", "--force", join(root, `${name}.git`));
}

/** A file of LFS, and the pointer that stands for it in the repository. */
export function pointerOf(content: Buffer): { readonly oid: string; readonly pointer: string } {
  const oid = createHash("sha256").update(content).digest("hex");
  const version = "https://git-lfs.github.com/spec/v1";
  return { oid, pointer: `version ${version}\noid sha256:${oid}\nsize ${content.byteLength}\n` };
}
