import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cacheDirectory } from "../../cluster/prerequisites.ts";

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

/** Hadoop's own name nodes and data nodes, from Maven Central: 100 MB once, under a minute each time. */
export async function startHdfs(kerberos?: ClusterKerberos): Promise<HdfsCluster> {
  const jars = fetchJars();
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

function fetchJars(): string {
  const folder = join(cacheDirectory(), "hadoop-3.5.0");
  if (existsSync(folder)) return folder;
  mkdirSync(cacheDirectory(), { recursive: true });
  const aside = `${folder}.tmp`;
  rmSync(aside, { recursive: true, force: true });
  const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${aside}`];
  execFileSync("mvn", ["-q", "-B", "-f", "test/services/hadoop/pom.xml", ...goal], { stdio: "inherit" });
  renameSync(aside, folder);
  return folder;
}
