import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cacheDirectory } from "../../cluster/prerequisites.ts";
import { freePort, untilItListens } from "../programs.ts";

export interface HdfsCluster extends AsyncDisposable {
  /** `http://127.0.0.1:port` of the active name node. */
  readonly url: string;
  /** `host:port` of every name node's RPC; the last one is active. */
  readonly rpc: readonly string[];
}

/** What a cluster that believes nobody needs; the keytab has hdfs/localhost and HTTP/localhost. */
export interface ClusterKerberos {
  readonly realm: string;
  readonly keytab: string;
  readonly configurationFile: string;
  /** `hadoop.rpc.protection` and `dfs.data.transfer.protection`; default: privacy. */
  readonly protections?: readonly [string, string];
}

/** Why this machine cannot run Hadoop, or false. */
export function whyNoHadoop(): string | false {
  if (spawnSync("java", ["-version"]).error)
    return "Java is not installed (Debian package default-jdk-headless)";
  if (spawnSync("mvn", ["-version"]).error) return "Maven is not installed (Debian package maven)";
  return false;
}

/** HttpFS, Hadoop's gateway that speaks WebHDFS, before a name node's RPC port: `http://127.0.0.1:port`. */
export async function startHttpFs(nameNode: string): Promise<AsyncDisposable & { readonly url: string }> {
  const jars = fetchJars("hadoop-httpfs-3.4.2", "httpfs-pom.xml");
  const folder = mkdtempSync(join(tmpdir(), "outrider-httpfs-"));
  const port = await freePort();
  const configure = (file: string, values: Readonly<Record<string, string>>) => {
    const properties = Object.entries(values).map(
      ([name, value]) => `<property><name>${name}</name><value>${value}</value></property>`,
    );
    writeFileSync(join(folder, file), `<configuration>${properties.join("\n")}</configuration>\n`);
  };
  configure("httpfs-site.xml", {
    "httpfs.http.hostname": "127.0.0.1",
    "httpfs.http.port": String(port),
    // It empties this one when it starts.
    "hadoop.http.temp.dir": join(folder, "web"),
  });
  configure("core-site.xml", { "fs.defaultFS": `hdfs://${nameNode}` });
  const places = ["home", "config", "log", "temp"].map((name) => `-Dhttpfs.${name}.dir=${folder}`);
  const args = [
    // Its XML package makes classes in a way that Java keeps closed.
    ...["--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp", `${jars}/*:${folder}`, ...places],
    "org.apache.hadoop.fs.http.server.HttpFSServerWebServer",
  ];
  const server = spawn("java", args, { stdio: "ignore" });
  const ended = once(server, "exit");
  const close = async () => {
    server.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([untilItListens(port), ended]);
    if (server.exitCode !== null) throw new Error(`HttpFS ended with ${server.exitCode}`);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

/** Hadoop's own name nodes and data nodes, from Maven Central: 100 MB once, under a minute each time. */
export async function startHdfs(kerberos?: ClusterKerberos): Promise<HdfsCluster> {
  const jars = fetchJars("hadoop-3.5.0", "pom.xml");
  const folder = mkdtempSync(join(tmpdir(), "outrider-hdfs-"));
  const realm = kerberos && [
    kerberos.realm,
    kerberos.keytab,
    ...(kerberos.protections ?? ["privacy", "privacy"]),
  ];
  const args = [
    ...(kerberos ? [`-Djava.security.krb5.conf=${kerberos.configurationFile}`] : []),
    ...["-cp", `${jars}/*`, "test/services/hadoop/Cluster.java", folder, ...(realm ?? [])],
  ];
  const cluster = spawn("java", args, { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(cluster, "exit");
  const close = async () => {
    cluster.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface({ input: cluster.stdout })) {
    const [, port, ports] = /^WebHDFS at (\d+), RPC at ([\d ]+)$/.exec(line) ?? [];
    if (port === undefined || ports === undefined) continue;
    const host = kerberos ? "localhost" : "127.0.0.1";
    const rpc = ports.split(" ").map((each) => `${host}:${each}`);
    return { url: `http://${host}:${port}`, rpc, [Symbol.asyncDispose]: close };
  }
  await close();
  throw new Error("Hadoop's minicluster ended before it was ready");
}

function fetchJars(name: string, pom: string): string {
  const folder = join(cacheDirectory(), name);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheDirectory(), { recursive: true });
  const aside = `${folder}.tmp`;
  rmSync(aside, { recursive: true, force: true });
  const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${aside}`];
  execFileSync("mvn", ["-q", "-B", "-f", join("test/services/hadoop", pom), ...goal], { stdio: "inherit" });
  renameSync(aside, folder);
  return folder;
}
