import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { bucket, location, program, startServers, storedKeys, until } from "./desk.ts";

const examples = resolve(import.meta.dirname, "../../examples");

interface Desk {
  readonly folder: string;
  readonly temporary: string;
  run(args: readonly string[], options?: { uid?: number; env?: Record<string, string> }): Run;
  write(name: string, text: string): Promise<string>;
}

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  stdout(): string;
}

/** A folder to work in, and one for temporary files of its own: what is left there can be seen. */
async function desk(t: TestContext): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), "desk-"));
  const temporary = join(folder, "t");
  await mkdir(temporary);
  for (const path of [folder, temporary]) chmodSync(path, 0o777);
  t.after(() => rm(folder, { recursive: true, force: true }));
  return {
    folder,
    temporary,
    async write(name, text) {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    },
    run(args, { uid, env = {} } = {}) {
      const child = spawn(program, ["run", ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: folder, TMPDIR: temporary, ...env },
        stdio: ["ignore", "pipe", "pipe"],
        ...(uid === undefined ? {} : { uid, gid: uid }),
      });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
      t.after(async () => {
        child.kill("SIGKILL");
        await ended;
      });
      return { child, ended, stdout: () => stdout };
    },
  };
}

describe("argoexec run", { concurrency: 2 }, () => {
  it("runs the sales report and tells what came out of it", async (t) => {
    const { run, folder, temporary } = await desk(t);

    const { code, stdout, stderr } = await run([
      join(examples, "sales-report.yaml"),
      "--param",
      "day=2026-12-24",
    ]).ended;

    assert.equal(code, 0, stderr);
    assert.match(stdout, /^main {2}│ orders of 2026-12-24$/m);
    assert.match(stdout, /^clock │ the report is done$/m);
    assert.match(stdout, /progress 3\/3/);
    assert.match(stdout, /^ {2}best-region {2}west$/m);
    assert.match(stdout, /^ {2}regions +regions\/ +3 files, 103 B$/m);
    assert.match(stdout, /^Succeeded after /m);
    assert.deepEqual(readdirSync(join(folder, "argo-out/regions")), ["north.csv", "south.csv", "west.csv"]);
    assert.match(readFileSync(join(folder, "argo-out/summary.txt"), "utf8"), /^west +726.00\n/);
    assert.deepEqual(readdirSync(temporary), [], "nothing may be left behind");
  });

  it("runs as an ordinary user", {
    skip: process.getuid?.() !== 0 && "the other tests run so",
  }, async (t) => {
    const { run } = await desk(t);

    const { code, stdout, stderr } = await run([join(examples, "container-set.yaml")], { uid: 65534 }).ended;

    assert.equal(code, 0, stderr);
    assert.match(stdout, /^ {2}sum +500500$/m);
  });

  it("ends with the code of a command that failed, and fetches what it left", async (t) => {
    const { run, folder } = await desk(t);

    const { code, stdout } = await run([join(examples, "failing-step.yaml")]).ended;

    assert.equal(code, 3);
    assert.match(stdout, /^ {2}main +exit code 3/m);
    assert.match(stdout, /^Failed after .*: main ended with exit code 3$/m);
    assert.deepEqual(readdirSync(join(folder, "argo-out/rejected")), ["line-3"]);
  });

  it("takes files and folders of the user's as input artifacts", async (t) => {
    const { run, folder, write } = await desk(t);
    await mkdir(join(folder, "texts"));
    await write("texts/a", "to be or not to be\n");
    await write("texts/b", "to be\n");
    const example = join(examples, "word-count.yaml");

    const ofFolder = await run([example, "--artifact", "text=texts", "--param", "top=1"]).ended;
    const ofFile = await run([example, "-a", "text=texts/b"]).ended;

    assert.equal(ofFolder.code, 0, ofFolder.stderr);
    assert.match(ofFolder.stdout, /^main │ +3 (to|be)$/m);
    assert.match(ofFile.stdout, /^main │ +1 (to|be)$/m);
    assert.match(await readFile(join(folder, "argo-out/words.txt"), "utf8"), /1 to/);
  });

  it("shows paths as the manifest has them", async (t) => {
    const { run, write } = await desk(t);
    const file = await write(
      "bare.yaml",
      `{name: show, outputs: {artifacts: [{name: gone, path: /deep/gone}]}, container: {image: x, command: [sh, -c],
        args: ["mkdir -p /deep/er; cd /deep && pwd; echo $FILE"], env: [{name: FILE, value: /deep/file}]}}`,
    );

    const { code, stdout } = await run([file]).ended;

    assert.equal(code, 64);
    assert.match(stdout, /^main │ \/deep$/m);
    assert.match(stdout, /^main │ \/deep\/file$/m);
    assert.match(stdout, /artifact gone failed to save: .*(stat|open) \/deep\/gone: no such file/);
    assert.equal(existsSync("/deep"), false);
  });

  it("substitutes variables and expressions, and names those that have no value", async (t) => {
    const { run, write } = await desk(t);
    const workflow = (text: string) => `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: greet, labels: {team: blue}}
spec:
  arguments: {parameters: [{name: who, value: world}]}
  templates:
    - name: other
      inputs: {parameters: [{name: n, value: "{{workflow.parameters.who}}!"}]}
      container: {image: x, command: [echo], args: [${JSON.stringify(text)}]}
`;
    const good = await write(
      "good.yaml",
      workflow(
        "{{inputs.parameters.n}} {{workflow.name}} {{workflow.labels.team}} {{=int('4') + 1}} {{steps.a.outputs.result}}",
      ),
    );
    const bad = await write("bad.yaml", workflow("{{inputs.parameters.m}} {{item}}"));

    const substituted = await run([good, "--template", "other", "-p", "steps.a.outputs.result=ok"]).ended;
    const unresolved = await run([bad]).ended;

    assert.match(substituted.stdout, /^main │ world! greet blue 5 ok$/m, substituted.stderr);
    assert.equal(unresolved.code, 64);
    assert.match(unresolved.stderr, /no value for \{\{inputs\.parameters\.m\}\}, \{\{item\}\}/);
  });

  it("says what is missing before anything runs", async (t) => {
    const { run, folder, write } = await desk(t);
    const example = join(examples, "word-count.yaml");
    const two = await write(
      "two.yaml",
      "kind: WorkflowTemplate\nspec: {templates: [{name: a, container: {image: x}}, {name: b, container: {image: x}}]}",
    );
    await mkdir(join(folder, "mine"));
    await write("mine/diary", "");
    const cases: readonly [readonly string[], RegExp][] = [
      [[], /run takes one file/],
      [["nowhere.yaml"], /nowhere\.yaml cannot be read/],
      [[example], /input artifact text has no location here: .*--artifact text=PATH/],
      [[example, "-a", "text=nowhere"], /input artifact text: there is no .*nowhere/],
      [[example, "-a", "txt=x"], /template word-count has no input artifact txt; it has: text/],
      [[example, "-p", "tops=3"], /template word-count has no parameter tops; it has: top/],
      [[two], /choose one with --template: a, b/],
      [[two, "--template", "c"], /has no template c/],
      [[two, "--template", "a"], /container main has no command/],
      [[example, "-a", "text=two.yaml", "--out", "mine"], /mine has files that did not come from a run/],
      [[example, "--frobnicate"], /unknown flag: --frobnicate/],
    ];

    for (const [args, message] of cases) {
      const { code, stderr } = await run(args).ended;
      assert.equal(code, 64, stderr);
      assert.match(stderr, message);
    }
    assert.ok(existsSync(join(folder, "mine/diary")));
  });

  it("names the field, what it must be and what it is where a manifest is wrong", async (t) => {
    const { run, write } = await desk(t);
    const cases: readonly [string, RegExp][] = [
      [
        "container: {command: [echo], args: [1]}",
        /container\.args\[0\] must be text \(put it in quotes\), not a number/,
      ],
      ["container: {command: echo}", /container\.command must be a list, not text/],
      ["inputs: {parameters: {a: b}}\ncontainer: {}", /inputs\.parameters must be a list, not an object/],
      ["outputs: {artifacts: [{path: /x}]}\ncontainer: {}", /outputs\.artifacts\[0\]\.name is missing/],
      ["container: {env: [{name: A, value: 5}]}", /container\.env\[0\]\.value must be text/],
      ["volumes: [v]\ncontainer: {}", /volumes\[0\] must be an object, not text/],
      ["kind: Workflow\nspec: {templates: {a: {}}}", /spec\.templates must be a list, not an object/],
      [
        "containerSet: {containers: [{name: main, dependencies: [b]}, {name: b, dependencies: [main]}]}",
        /containers wait for each other: main, b/,
      ],
    ];

    for (const [index, [text, message]] of cases.entries()) {
      const { code, stderr } = await run([await write(`${index}.yaml`, text)]).ended;
      assert.equal(code, 64, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n {4}at /, "a mistake in a manifest is no error of the program");
    }
  });

  it("ends everything in order on Ctrl-C, and saves what there is", async (t) => {
    const { run, write, temporary } = await desk(t);
    const file = await write(
      "long.yaml",
      `{name: long, outputs: {artifacts: [{name: late, path: /tmp/late}]}, container: {image: x, command: [sh, -c],
        args: ["sleep 321 & trap 'echo late > /tmp/late; exit 9' TERM; echo going; wait"]}}`,
    );
    const running = run([file]);
    await until("main's first line", () => running.stdout().includes("going"));

    running.child.kill("SIGINT");

    const { code, stdout } = await running.ended;
    assert.equal(code, 9, stdout);
    assert.match(stdout, /^ {2}late +late +5 B$/m);
    assert.match(stdout, /stopped by you/);
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(
      processes().filter((one) => one.includes("sleep\x1a1")),
      [],
    );
  });

  it("leaves no process behind when it is killed itself", async (t) => {
    const { run, write, temporary } = await desk(t);
    const file = await write(
      "long.yaml",
      '{name: long, container: {image: x, command: [sh, -c], args: ["(sleep 654 &) ; echo going; sleep 654"]}}',
    );
    const running = run([file]);
    await until("main's first line", () => running.stdout().includes("going"));

    running.child.kill("SIGKILL");

    await until("the end of all processes", () => !processes().some((one) => one.includes("sleep\x354")));
    await until("the removal of the folder", () =>
      readdirSync(temporary).every((name) => name.startsWith("argo-store-")),
    );
  });

  it("removes the store of a run that was killed, and no other", async (t) => {
    const { run, write, temporary } = await desk(t);
    const file = await write(
      "long.yaml",
      '{name: long, container: {image: x, command: [sh, -c], args: ["echo going; sleep 60"]}}',
    );
    const stores = () => readdirSync(temporary).filter((name) => name.startsWith("argo-store-"));
    const killed = run([file]);
    await until("main's first line", () => killed.stdout().includes("going"));
    killed.child.kill("SIGKILL");
    await killed.ended;
    const [left = ""] = stores();
    const foreign = left.replace(/^argo-store-\w+/, "argo-store-00000000");
    await mkdir(join(temporary, foreign));
    await symlink(temporary, join(temporary, `${left.slice(0, -6)}linked`));
    const others = stores().filter((name) => name !== left);

    const living = run([file]);
    await until("main's first line", () => living.stdout().includes("going"));
    const livingStores = stores().filter((name) => !others.includes(name));
    const next = await run([join(examples, "failing-step.yaml")]).ended;

    assert.equal(next.code, 3, next.stderr);
    assert.notEqual(left, "");
    assert.equal(livingStores.length, 1);
    assert.deepEqual(stores().sort(), [...others, ...livingStores].sort());
    living.child.kill("SIGINT");
    await living.ended;
    assert.deepEqual(stores().sort(), others.sort());
  });

  it("uses a repository of the user's", async (t) => {
    const { run, write } = await desk(t);
    const servers = await startServers(t);
    const repository = await write(
      "repository.yaml",
      `s3: ${JSON.stringify(location(servers.store))}
---
{kind: Secret, metadata: {name: my-minio-cred}, stringData: {accesskey: desk, secretkey: desk-secret}}`,
    );

    const { code, stderr } = await run([join(examples, "failing-step.yaml"), "--repository", repository])
      .ended;

    assert.equal(code, 3, stderr);
    const names = (await storedKeys(servers)).map((key) => key.split("/").at(-1));
    assert.deepEqual(names.sort(), ["main.log", "rejected.tgz"]);
  });

  it("uses an S3 server of the user's, with the credentials of the AWS tools", async (t) => {
    const { run } = await desk(t);
    const servers = await startServers(t);
    const args = [
      join(examples, "failing-step.yaml"),
      "--s3-endpoint",
      servers.store.url,
      "--s3-bucket",
      bucket,
    ];

    const without = await run(args).ended;
    const env = { AWS_ACCESS_KEY_ID: "desk", AWS_SECRET_ACCESS_KEY: "desk-secret" };
    const { code, stderr } = await run(args, { env }).ended;

    assert.match(without.stderr, /needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
    assert.equal(code, 3, stderr);
    assert.equal((await storedKeys(servers)).length, 2);
  });

  it("keeps the containers' files where it is asked to", async (t) => {
    const { run, temporary } = await desk(t);

    const { stdout } = await run([join(examples, "failing-step.yaml"), "--keep"]).ended;

    const [, folder = ""] = /stay in (\S+)/.exec(stdout) ?? [];
    assert.ok(folder.startsWith(temporary), folder);
    assert.match(await readFile(join(folder, "main/tmp/rejected/line-3"), "utf8"), /not a date/);
  });

  it("takes secrets and config maps from documents of the same file", async (t) => {
    const { run, write } = await desk(t);
    const file = await write(
      "documents.yaml",
      `
kind: Secret
metadata: {name: login}
stringData: {user: me}
---
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
kind: Workflow
metadata: {generateName: x-}
spec:
  entrypoint: main
  volumes: [{name: settings, configMap: {name: settings}}]
  templates:
    - name: main
      container:
        image: x
        command: [sh, -c, 'echo "$(WHO) $(cat /etc/settings/colour)"']
        env: [{name: WHO, valueFrom: {secretKeyRef: {name: login, key: user}}}]
        volumeMounts: [{name: settings, mountPath: /etc/settings}]
`,
    );

    const { code, stdout, stderr } = await run([file]).ended;

    assert.equal(code, 0, stderr);
    assert.match(stdout, /^main │ me blue$/m);
  });

  it("writes nothing outside its own folder, whatever a manifest calls its volumes and keys", async (t) => {
    const { run, write, temporary } = await desk(t);
    for (const [name, items] of [
      ["../../../out", "[]"],
      ["out", "[{key: colour, path: ../../../../out}]"],
    ]) {
      const file = await write(
        "outside.yaml",
        `
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
kind: Workflow
metadata: {generateName: x-}
spec:
  entrypoint: main
  volumes: [{name: ${name}, configMap: {name: settings, items: ${items}}}]
  templates:
    - name: main
      container: {image: x, command: ["true"], volumeMounts: [{name: ${name}, mountPath: /etc/settings}]}
`,
      );

      const { code, stderr } = await run([file]).ended;

      assert.notEqual(code, 0);
      assert.match(stderr, /must (be lower-case|lead to something)/);
      assert.deepEqual(readdirSync(temporary), []);
    }
  });
});

/** The command lines of everything that runs. */
function processes(): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, "utf8")] : [];
    } catch {
      return [];
    }
  });
}
