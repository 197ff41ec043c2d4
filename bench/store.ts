import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startObjectServer } from "../test/servers/object-server/index.ts";

/** Both keys of a bench's store; its bucket is `bench`. */
export const storeSecret = "outrider-bench";
const patienceMs = 30_000;

export interface Store {
  readonly endpoint: string;
  /** The file with the certificate to trust, where the store speaks https. */
  readonly ca: string | undefined;
  /** User and system time that it has used; of the whole bench, where the store is our own server. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/**
 * MinIO (OUTRIDER_MINIO, or ~/.cache/outrider/bin/minio) on a port of its own, else our own object server in this process;
 * says which. Keeps what it stores below `root`.
 */
export async function startStore(root: string, { isTls = false } = {}): Promise<Store> {
  const program = process.env.OUTRIDER_MINIO ?? join(homedir(), ".cache/outrider/bin/minio");
  const directory = join(root, "store");
  const ca = isTls ? makeCertificate(root) : undefined;
  if (!existsSync(program)) {
    console.error(`# store: our own object server, for there is no MinIO at ${program} (OUTRIDER_MINIO)`);
    return await startOwn(directory, ca, root);
  }
  mkdirSync(join(directory, "bench"), { recursive: true });
  const endpoint = `127.0.0.1:${await freePort()}`;
  const certificates = isTls ? ["--certs-dir", join(root, "certs")] : [];
  const args = [
    "server",
    directory,
    ...certificates,
    "--address",
    endpoint,
    "--console-address",
    "127.0.0.1:0",
  ];
  const keys = { MINIO_ROOT_USER: storeSecret, MINIO_ROOT_PASSWORD: storeSecret, MINIO_CI_CD: "1" };
  const server = spawn(program, args, {
    env: { PATH: process.env.PATH, HOME: root, ...keys },
    stdio: "ignore",
  });
  console.error(`# store: ${program}; waiting until ${endpoint} answers`);
  const url = `${isTls ? "https" : "http"}://${endpoint}/minio/health/ready`;
  const end = Date.now() + patienceMs;
  while (spawnSync("curl", ["-skf", url]).status !== 0) {
    if (server.exitCode !== null) throw new Error(`${program} has ended with ${server.exitCode}`);
    if (Date.now() > end) throw new Error(`${program} has not answered at ${url} for ${patienceMs / 1000} s`);
    await sleep(100);
  }
  return { endpoint, ca, cpuSeconds: () => processCpuSeconds(server), stop: () => endProcess(server) };
}

async function startOwn(directory: string, ca: string | undefined, root: string): Promise<Store> {
  const tls = ca !== undefined && {
    cert: readFileSync(ca, "utf8"),
    key: readFileSync(join(root, "certs/private.key"), "utf8"),
  };
  const keys = { accessKey: storeSecret, secretKey: storeSecret };
  const server = await startObjectServer({ directory, ...keys, ...(tls && { tls }) });
  server.createBucket("bench");
  const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  return { endpoint: server.endpoint, ca, cpuSeconds, stop: () => server[Symbol.asyncDispose]() };
}

/** A self-signed certificate for 127.0.0.1, where MinIO looks for it; returns its path. */
function makeCertificate(root: string): string {
  const folder = join(root, "certs");
  mkdirSync(folder);
  const [key, certificate] = [join(folder, "private.key"), join(folder, "public.crt")];
  const { status } = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate],
    ...["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"],
  ]);
  if (status !== 0) throw new Error("openssl has made no certificate");
  return certificate;
}

/** utime and stime of all threads, in ticks of 10 ms. */
export function processCpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, "exit");
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
