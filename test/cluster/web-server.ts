import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The web server that the recorded pods expect at 127.0.0.1:9180: `/static/web.txt`, `/status/N`, `/delay/SECONDS`,
 * `/echo` (method, `X-` headers and body as JSON) and `/git/project.git`, a repository that git's plain HTTP reads.
 */
export async function startWebServer(port: number): Promise<{ stop(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-web-"));
  makeRepository(join(folder, "git"));
  const server = createServer((request, response) => {
    answer(folder, request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    stop() {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true });
    },
  };
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const [, kind = "", argument = ""] = pathname.split("/");
  switch (kind) {
    case "static":
      response.writeHead(200, { "content-type": "text/plain" }).end("served over http\n");
      return;
    case "status":
      response.writeHead(Number(argument)).end(`status ${argument}`);
      return;
    case "delay":
      await sleep(Number(argument) * 1000);
      response.writeHead(200).end("late\n");
      return;
    case "echo":
      response.writeHead(200, { "content-type": "application/json" }).end(await echo(request));
      return;
    case "git":
      serveFile(join(folder, normalize(pathname)), response);
      return;
    default:
      response.writeHead(404).end();
  }
}

/** As Python's json module writes it: that is what the recorded pods saw. */
async function echo(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const pairs = request.rawHeaders.flatMap((name, index, all) =>
    index % 2 === 0 && /^x-/i.test(name)
      ? [`${JSON.stringify(name)}: ${JSON.stringify(all[index + 1])}`]
      : [],
  );
  const body = JSON.stringify(Buffer.concat(chunks).toString());
  return `{"body": ${body}, "headers": {${pairs.sort().join(", ")}}, "method": ${JSON.stringify(request.method)}}`;
}

function serveFile(path: string, response: ServerResponse): void {
  try {
    response.writeHead(200).end(readFileSync(path));
  } catch {
    response.writeHead(404).end();
  }
}

function makeRepository(folder: string): void {
  const work = join(folder, "work");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args], { cwd: work });
  mkdirSync(work, { recursive: true });
  git("init", "-q", "-b", "main");
  writeFileSync(join(work, "build.sh"), "echo built\n", { mode: 0o755 });
  git("add", ".");
  git("commit", "-q", "-m", "Add a build script");
  git("clone", "-q", "--bare", work, join(folder, "project.git"));
  execFileSync("git", ["update-server-info"], { cwd: join(folder, "project.git") });
}
