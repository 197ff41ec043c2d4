import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { ReportSnapshot } from "../../src/sync/index.ts";
import { credentials, objectClient, objectServer } from "../desk/object-client.ts";
import type { ObjectServer, ObjectServerOptions } from "../servers/object-server/index.ts";

export const program = resolve(import.meta.dirname, "../../dist/bin/argoexec");

export interface SyncOutcome {
  readonly status: number | null;
  /** The report on standard output; undefined where there is none. */
  readonly report: ReportSnapshot | undefined;
  readonly stderr: string;
  /** What to do. */
  readonly lastLine: string;
}

const environment = {
  PATH: process.env.PATH,
  AWS_ACCESS_KEY_ID: credentials.accessKey,
  AWS_SECRET_ACCESS_KEY: credentials.secretKey,
  // Tries are quick, so that what fails for good fails soon.
  EXECUTOR_RETRY_BACKOFF_STEPS: "3",
  EXECUTOR_RETRY_BACKOFF_DURATION: "20ms",
};

/** @param procs of the control group that the process is to be in from the beginning */
export function startSync(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  procs?: string,
): ChildProcess {
  const enter = procs === undefined ? "" : `echo $$ > '${procs}' && `;
  return spawn("/bin/sh", ["-c", `${enter}exec "$0" "$@"`, program, "sync", ...args], {
    env: { ...environment, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Waits for the end of a process that `startSync` started. */
export async function outcomeOf(child: ChildProcess): Promise<SyncOutcome> {
  assert.ok(child.stdout && child.stderr);
  const ended = new Promise<number | null>((done) => child.on("close", (status) => done(status)));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return {
    status,
    report: stdout === "" ? undefined : (JSON.parse(stdout) as ReportSnapshot),
    stderr,
    lastLine: stderr.trimEnd().split("\n").at(-1) ?? "",
  };
}

/** Runs `argoexec sync` to its end. */
export async function sync(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<SyncOutcome> {
  return await outcomeOf(startSync(args, env));
}

export interface S3Side {
  readonly server: ObjectServer;
  readonly client: S3Client;
  /** `s3://ml/…?endpoint=…`. */
  url(prefix?: string): string;
  put(key: string, body: string | Uint8Array, more?: Partial<PutObjectCommandInput>): Promise<void>;
  get(key: string): Promise<GetObjectCommandOutput & { readonly bytes: Buffer }>;
  /** Everything in the bucket, but what sync keeps there itself, as text by key. */
  contents(): Promise<Record<string, string>>;
  /** What was asked of objects since the log was cleared, such as `GET a`. */
  objectRequests(...methods: readonly string[]): readonly string[];
}

export async function s3Side(t: TestContext, options: Partial<ObjectServerOptions> = {}): Promise<S3Side> {
  const server = await objectServer(t, options);
  const client = objectClient(t, server);
  const Bucket = "ml";
  const get = async (key: string) => {
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: key }));
    return { ...answer, bytes: Buffer.from((await answer.Body?.transformToByteArray()) ?? []) };
  };
  return {
    server,
    client,
    url: (prefix = "") => `s3://${Bucket}/${prefix}?endpoint=${server.url}`,
    async put(key, body, more = {}) {
      await client.send(new PutObjectCommand({ Bucket, Key: key, Body: body, ...more }));
    },
    get,
    async contents() {
      const found: Record<string, string> = {};
      let token: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: token }));
        for (const { Key = "" } of page.Contents ?? []) {
          if (!Key.includes(".outrider-sync/")) found[Key] = (await get(Key)).bytes.toString();
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return found;
    },
    objectRequests(...methods) {
      return server.requests
        .filter(({ method, key }) => key !== undefined && methods.includes(method))
        .filter(({ key }) => key?.includes(".outrider-sync/") === false)
        .map(({ method, key }) => `${method} ${key}`);
    },
  };
}

/** Keys that are hard for somebody. */
export const hardKeys = [
  "plain",
  "folder/",
  "a//b",
  "/leading",
  "a/../b",
  "./c",
  "..",
  "spaces and  more ",
  "plus+and%25percent",
  "quotes'\"`",
  "<xml>&amp;</xml>",
  "question?mark#hash",
  "ünïcödé/日本語",
  "emoji-😀",
  "\ue000private",
  "tab\tand\nnewline",
  "back\\slash",
  "star*[glob]{a,b}",
  "$HOME;`id`",
  `long/${"x".repeat(900)}`,
] as const;
