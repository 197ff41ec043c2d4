import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface ControllerOptions {
  /** The program `workflow-controller`. */
  readonly program: string;
  readonly kubeconfig: string;
  /** The one namespace that it looks after. */
  readonly namespace: string;
  /** The executor's image. */
  readonly image: string;
  /** Of the caller, for its log. */
  readonly folder: string;
}

export interface Controller extends AsyncDisposable {
  /** The last lines of its log. */
  log(): string;
}

/** The configuration of a controller whose steps' logs and artifacts go to a bucket. */
export function configuration(bucket: string): object {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "workflow-controller-configmap" },
    data: {
      artifactRepository: JSON.stringify({ archiveLogs: true, s3: s3Location(bucket) }),
      executor: JSON.stringify({ imagePullPolicy: "IfNotPresent" }),
      workflowDefaults: JSON.stringify({ spec: { serviceAccountName: "argo-executor" } }),
      metricsConfig: JSON.stringify({ enabled: false }),
      telemetryConfig: JSON.stringify({ enabled: false }),
    },
  };
}

/** A bucket of the S3 server at 127.0.0.1:9000, as a controller's configuration names it. */
export function s3Location(bucket: string) {
  return {
    endpoint: "127.0.0.1:9000",
    bucket,
    region: "us-east-1",
    insecure: true,
    accessKeySecret: { name: "my-minio-cred", key: "accesskey" },
    secretKeySecret: { name: "my-minio-cred", key: "secretkey" },
  };
}

/** Starts the unmodified controller as a process of this machine; it is ended with what is returned. */
export function startController(options: ControllerOptions): Controller {
  const { program, kubeconfig, namespace, image, folder } = options;
  const file = join(folder, "controller.log");
  writeFileSync(file, "");
  const log = openSync(file, "a");
  const place = ["--kubeconfig", kubeconfig, "--namespace", namespace, "--namespaced"];
  const child = spawn(program, [...place, "--executor-image", image, "--loglevel", "info"], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      LEADER_ELECTION_DISABLE: "true",
      // Documented settings, both 10s by default: how long it lets a change lie, and how often it looks at schedules.
      DEFAULT_REQUEUE_TIME: "1s",
      CRON_SYNC_PERIOD: "2s",
    },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const ended = once(child, "exit");
  return {
    log: () => readFileSync(file, "utf8").split("\n").slice(-40).join("\n"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      // One that does not listen must not hold the tests up.
      const waiting = new AbortController();
      const late = sleep(10_000, undefined, { signal: waiting.signal }).then(
        () => child.kill("SIGKILL"),
        () => false,
      );
      await ended;
      waiting.abort();
      await late;
    },
  };
}
