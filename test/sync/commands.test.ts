import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import { program } from "../pod/desk.ts";
import { type Stage, startStage } from "./stage.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Runner {
  start(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> };
  sync(...args: string[]): Promise<Ended>;
}

/** Runs the program as a person would: the cluster by flags, tokens and secrets from places that nobody sees. */
async function start(t: TestContext): Promise<Stage & Runner> {
  const stage = await startStage(t);
  const { api, argo, folder } = stage;
  // Secrets as they are mounted in a pod.
  await mkdir(join(folder, "argo/secret"), { recursive: true });
  await symlink(join(folder, "keys"), join(folder, "argo/secret/keys"));
  const tokenFile = join(folder, "argo-token");
  await writeFile(tokenFile, "Bearer argo\n");
  const begin = (...args: string[]) => {
    const connection = ["--server", api.url, "--token", "token"];
    const child = spawn(program, ["sync", ...args, ...connection, "--argo-token-file", tokenFile], {
      cwd: folder,
      env: {
        PATH: process.env.PATH ?? "",
        HOME: folder,
        TMPDIR: folder,
        ARGO_SERVER: argo.url,
        ARGOEXEC_ROOT: folder,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    t.after(() => child.kill("SIGKILL"));
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
    return { child, ended };
  };
  return { ...stage, start: begin, sync: (...args) => begin(...args).ended };
}

const lastLine = ({ stderr }: Ended) => stderr.trim().split("\n").at(-1) ?? "";

describe("argoexec sync", () => {
  it("orphans: lists, then deletes from the list, and its last line says what to do", async (t) => {
    const { sync, put, keys, create, archive, configuration } = await start(t);
    create({ name: "live", outputs: { data: "live/live/data" } });
    archive({ name: "old", uid: "uid-old", outputs: { data: "old/old/data" } });
    await put("live/live/data", "old/old/data", "gone/gone/data", "gone/gone/main.log", "foreign.txt");

    const young = await sync("orphans", configuration);
    const found = await sync("orphans", configuration, "--older-than", "0s", "--list", "list.jsonl");
    const before = await keys();
    const deleted = await sync(
      "orphans",
      configuration,
      "--older-than",
      "0s",
      "--list",
      "list.jsonl",
      "--delete",
    );

    assert.deepEqual([young.code, found.code, deleted.code], [0, 0, 0], found.stderr + deleted.stderr);
    assert.match(lastLine(young), /^0 objects \(0 bytes\) belong to no workflow$/);
    assert.match(
      lastLine(found),
      /^2 objects \(32 bytes\) belong to no workflow; look through list.jsonl, then delete/,
    );
    assert.deepEqual(JSON.parse(found.stdout).workflows.gone.orphan, { objects: 2, bytes: 32 });
    assert.equal(before.length, 5);
    assert.match(lastLine(deleted), /^2 objects \(32 bytes\) deleted, 0 kept$/);
    assert.deepEqual(await keys(), ["foreign.txt", "live/live/data", "old/old/data"]);
  });

  it("orphans: ends with 20 where an interlock holds, 64 where it is used wrongly, 20 where a grant is missing", async (t) => {
    const { sync, put, keys, create, api, configuration } = await start(t);
    create({ name: "live" });
    await put("gone/gone/data");
    const age = ["--older-than", "0s", "--list", "list.jsonl"];
    await sync("orphans", configuration, ...age);

    const held = await sync("orphans", configuration, ...age, "--delete", "--max-delete", "0");
    const wrong = await sync("orphans", configuration, "--delete");
    const unread = await sync("orphans", configuration, "--older-than", "soon");
    api.addFault({ match: { resource: "configmaps" }, kind: "status", status: 403 });
    const refused = await sync("orphans", configuration, ...age, "--delete");

    assert.deepEqual(
      [held, wrong, unread, refused].map(({ code }) => code),
      [20, 64, 64, 20],
    );
    assert.match(
      lastLine(held),
      /^nothing was deleted: 1 objects would be deleted, more than --max-delete 0$/,
    );
    assert.match(lastLine(wrong), /--delete needs --list FILE/);
    assert.match(lastLine(refused), /grant "list" on configmaps with a ClusterRole/);
    assert.deepEqual(await keys(), ["gone/gone/data"]);
  });

  it("orphans: ends with 10 when it is told to stop, and the same command goes on", async (t) => {
    const { start: begin, put, store, create, configuration, sync } = await start(t);
    create({ name: "live" });
    await put("gone/gone/a", "gone/gone/b");
    const age = ["--older-than", "0s", "--list", "list.jsonl"];
    await sync("orphans", configuration, ...age);
    store.addFault({ match: { method: "POST" }, kind: "stall", ms: 60_000 });
    const isDeleting = store.waitForRequest(({ method }) => method === "POST");

    const { child, ended } = begin("orphans", configuration, ...age, "--delete");
    await isDeleting;
    child.kill("SIGTERM");
    const { code, stderr } = await ended;

    assert.equal(code, 10, stderr);
    assert.match(stderr, /run the same command again/);

    store.clearFaults();
    const again = await sync("orphans", configuration, ...age, "--delete");
    assert.equal(again.code, 0, again.stderr);
    assert.match(lastLine(again), /^0 objects \(0 bytes\) deleted, 2 kept$/);
  });

  it("orphans: shows no token and no secret, whatever goes wrong", async (t) => {
    const { sync, argo, api, configuration } = await start(t);
    argo.breakNextList("<html>");
    const first = await sync("orphans", configuration, "--loglevel", "debug");
    api.revokeToken("token");
    const second = await sync("orphans", configuration, "--loglevel", "debug");

    assert.deepEqual([first.code, second.code], [20, 20]);
    for (const { stdout, stderr } of [first, second]) assert.doesNotMatch(stdout + stderr, /Bearer|<html>/);
  });

  it("orphans: asks for no more than the roles of the example allow", async (t) => {
    const { sync, put, api, create, configuration: file } = await start(t);
    const example = await readFile(resolve(import.meta.dirname, "../../examples/sync-orphans.yaml"), "utf8");
    const rules = parseAllDocuments(example).flatMap((document) => document.toJS().rules ?? []);
    api.setUser({ token: "token", rules });
    const configuration = await readFile(file, "utf8");
    api.create(
      { group: "", version: "v1", resource: "configmaps", namespace: "argo" },
      { metadata: { name: "artifact-repositories" }, data: { default: configuration } },
    );
    create({ name: "live" });
    await put("gone/gone/data");

    const found = await sync(
      "orphans",
      "configmap/artifact-repositories",
      "-n",
      "argo",
      "--exclusive",
      "--older-than",
      "0s",
    );

    assert.equal(found.code, 0, found.stderr);
    assert.match(lastLine(found), /^1 objects/);
    assert.ok(rules.length > 2);
  });

  it("orphans: retention by phase, age and last N goes through the same list", async (t) => {
    const { sync, put, keys, create, configuration } = await start(t);
    for (const [index, phase] of ["Succeeded", "Failed", "Succeeded", "Failed"].entries()) {
      const name = `nightly-${index}`;
      const labels = { "workflows.argoproj.io/cron-workflow": "nightly" };
      create({
        name,
        phase,
        labels,
        finishedAt: `2026-01-0${index + 1}T00:00:00Z`,
        outputs: { data: `${name}/${name}/data` },
      });
      await put(`${name}/${name}/data`);
    }
    const policy = [
      "--retain",
      "Succeeded=7d",
      "--keep-last",
      "1",
      "--older-than",
      "0s",
      "--list",
      "list.jsonl",
    ];

    const found = await sync("orphans", configuration, ...policy);
    await sync("orphans", configuration, ...policy, "--delete");

    assert.match(lastLine(found), /^2 objects/);
    assert.deepEqual(await keys(), ["nightly-1/nightly-1/data", "nightly-3/nightly-3/data"]);
  });

  it("rewrite: shows what it would do, does it with --apply, and writes archived workflows down as SQL", async (t) => {
    const { sync, create, archive, folder, api } = await start(t);
    const s3 = { endpoint: "minio:9000", bucket: "old", key: "a" };
    create({ name: "wf", outputs: { data: { path: "/d", s3 } } });
    archive({ name: "old", uid: "uid-old", outputs: { data: { path: "/d", s3 } } });
    await writeFile(join(folder, "map.yaml"), "- from: {s3: {bucket: old}}\n  to: {s3: {bucket: new}}\n");

    const shown = await sync("rewrite", "map.yaml", "--without-archive");
    const applied = await sync("rewrite", "map.yaml", "--apply", "--sql", "archive.sql");
    const again = await sync("rewrite", "map.yaml", "--apply", "--without-archive");

    assert.deepEqual([shown.code, applied.code, again.code], [0, 0, 0], shown.stderr + applied.stderr);
    assert.match(lastLine(shown), /^1 objects would be changed: --apply does it$/);
    assert.match(lastLine(applied), /^2 objects changed$/);
    assert.match(lastLine(again), /^0 objects changed$/);
    const sql = await readFile(join(folder, "archive.sql"), "utf8");
    assert.match(
      sql,
      /^BEGIN;\n(SET LOCAL .*;\n)+UPDATE argo_archived_workflows SET .*"bucket":"new".* WHERE uid = 'uid-old';\nCOMMIT;\n$/,
    );
    const names = {
      group: "argoproj.io",
      version: "v1alpha1",
      resource: "workflows",
      namespace: "argo",
      name: "wf",
    };
    assert.match(JSON.stringify(api.find(names)), /"bucket":"new"/);
  });

  it("rewrite: leaves no SQL that could be run where it fails in the middle", async (t) => {
    const { sync, archive, folder, argo } = await start(t);
    const s3 = { endpoint: "minio:9000", bucket: "old", key: "a" };
    archive({ name: "old", uid: "uid-old", outputs: { data: { path: "/d", s3 } } });
    await writeFile(join(folder, "map.yaml"), "- from: {s3: {bucket: old}}\n  to: {s3: {bucket: new}}\n");
    let lists = 0;
    argo.onList = (server) => {
      lists += 1;
      // The second one looks for what has come meanwhile.
      if (lists === 2) server.breakNextList("{}");
    };

    const { code } = await sync(
      "rewrite",
      "map.yaml",
      "--apply",
      "--without-cluster",
      "--sql",
      "archive.sql",
    );

    assert.equal(code, 20);
    const sql = await readFile(join(folder, "archive.sql"), "utf8");
    assert.match(
      sql,
      /^BEGIN;\n(SET LOCAL .*;\n)+UPDATE .*\n-- The command failed: this is not all\.\nROLLBACK;\n$/,
    );
  });

  it("plan: opens a repository that a ConfigMap names, with its secrets from a folder", async (t) => {
    const { sync, put, api, configuration, folder } = await start(t);
    await put("a", "b");
    await mkdir(join(folder, "target"));
    await mkdir(join(folder, "own"));
    await rename(join(folder, "keys"), join(folder, "own/keys"));
    api.create(
      { group: "", version: "v1", resource: "configmaps", namespace: "argo" },
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "artifact-repositories", namespace: "argo" },
        data: { main: await readFile(configuration, "utf8") },
      },
    );
    const args = ["configmap/artifact-repositories#main", `file://${folder}/target`];
    const context = ["--source-secrets", join(folder, "own"), "--namespace", "argo"];

    const { code, stdout, stderr } = await sync("plan", ...args, ...context, "--include", "a");
    const bare = await sync("plan", ...args, "--source-secrets", folder, "--namespace", "argo");

    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).totals.skipped.objects, 2);
    assert.equal(bare.code, 64);
    assert.match(lastLine(bare), /the secret keys, key a, is nowhere: looked for it in/);
  });

  it("plan: takes what is known of workflows, live and archived", async (t) => {
    const { sync, put, create, archive, configuration, folder } = await start(t);
    create({ name: "build-1", labels: { team: "red" }, outputs: { data: "build-1/build-1/data" } });
    create({ name: "build-2", namespace: "other", outputs: { data: "custom/data" } });
    archive({ name: "build-3", uid: "uid-3", outputs: { data: "build-3/build-3/data" } });
    await put("build-1/build-1/data", "custom/data", "build-3/build-3/data", "nobody/nobody/data");
    await mkdir(join(folder, "target"));
    const plan = async (...args: string[]) => {
      const { code, stdout, stderr } = await sync("plan", configuration, `file://${folder}/target`, ...args);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };

    const builds = await plan("--workflow", "build-*");
    const inOther = await plan("--workflow", "build-*", "--namespace", "other");
    const red = await plan("--selector", "team=red");
    const other = await plan("--namespace", "other");

    assert.deepEqual(
      [builds, inOther, red, other].map(({ totals }) => totals.copied.objects),
      [3, 1, 1, 1],
    );
    for (const { workflows } of [inOther, other]) {
      const copied = Object.keys(workflows).filter((name) => workflows[name].copied);
      assert.deepEqual(copied, ["other/build-2"]);
    }
    assert.equal(red.reasons["of another workflow"], 2);
    assert.equal(red.reasons["of no workflow that is known"], 1);
  });

  it("run: by workflows, and --since, ask for no more than the role of deploy/sync allows", async (t) => {
    const { sync, put, api, create, configuration, folder } = await start(t);
    const role = await readFile(resolve(import.meta.dirname, "../../deploy/sync/role.yaml"), "utf8");
    const rules = parseAllDocuments(role).flatMap((document) => document.toJS().rules ?? []);
    api.setUser({ token: "token", rules });
    create({ name: "wf", outputs: { data: "wf/wf/data" } });
    await put("wf/wf/data", "other");
    await mkdir(join(folder, "target"));
    const args = [configuration, `file://${folder}/target`, "--namespace", "argo"];

    const selected = await sync("plan", ...args, "--without-archive");
    const copied = await sync("run", ...args, "--since", "last", "--journal", join(folder, "journal"));

    assert.deepEqual([selected.code, copied.code], [0, 0], selected.stderr + copied.stderr);
    assert.ok(rules.length > 3);
    assert.equal(JSON.parse(selected.stdout).totals.copied.objects, 1);
    assert.match(await readFile(join(folder, "journal.cursor"), "utf8"), /^[\w-]{100,}$/);
  });

  it("gc: finishes what artifact GC has left undone", async (t) => {
    const { sync, put, keys, create, configuration } = await start(t);
    create({
      name: "stuck",
      finalizers: ["workflows.argoproj.io/artifact-gc"],
      spec: { artifactGC: { strategy: "OnWorkflowCompletion" } },
      status: { artifactGCStatus: { strategiesProcessed: { OnWorkflowCompletion: true } } },
      outputs: { data: "stuck/stuck/data" },
    });
    await put("stuck/stuck/data");

    const shown = await sync("gc", configuration);
    const done = await sync("gc", configuration, "--delete", "--patch-status", "--remove-finalizer");

    assert.deepEqual([shown.code, done.code], [0, 0], shown.stderr + done.stderr);
    assert.match(lastLine(shown), /^artifact GC has left 1 artifacts in 1 workflows: --delete deletes them$/);
    assert.match(lastLine(done), /^artifact GC has left 1 artifacts in 1 workflows, 1 deleted$/);
    assert.deepEqual(await keys(), []);
  });
});
