// What comes before main without Node: whatever the program does by itself is what TypeScript would have it do.
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { containerPlans } from "../../src/podfiles/index.ts";
import { parseTemplate } from "../../src/template/index.ts";
import { Pod, program } from "./program.ts";

const usual = ["init", "--loglevel", "info", "--log-format", "text", "--gloglevel", "0"];
const plain = {
  name: "main",
  inputs: {},
  outputs: {},
  metadata: {},
  container: { name: "", image: "busybox", command: ["true"], resources: {} },
  archiveLocation: { archiveLogs: true, s3: { bucket: "b", key: "a/b" } },
};

interface Init {
  readonly template: unknown;
  readonly env?: Record<string, string>;
  readonly args?: readonly string[];
}

/** An installation whose Node is a script that says it was called, and whether anything was left to do. */
function install(pod: Pod): string {
  const installed = pod.path("prefix/bin/argoexec");
  mkdirSync(dirname(installed), { recursive: true });
  cpSync(program, installed);
  const script = '#!/bin/sh\necho "Node was called, prepared: $ARGOEXEC_PREPARED"\nexit 33\n';
  chmodSync(pod.write("prefix/lib/argoexec/node", script), 0o755);
  return installed;
}

async function run(t: TestContext, { template, env = {}, args = usual }: Init) {
  const pod = new Pod(t);
  const json = typeof template === "string" ? template : JSON.stringify(template);
  const variables = { ARGO_POD_NAME: "p", ARGO_DEADLINE: "0001-01-01T00:00:00Z", ARGO_TEMPLATE: json };
  const options = { program: install(pod), container: args[0] ?? "", env: { ...variables, ...env } };
  const exit = await pod.start(args, options).exited;
  return { pod, json, exit, isLeftToNode: exit.stdout === "Node was called, prepared: \n" };
}

const left = (pod: Pod) => readFileSync(join(pod.shared, "plan/main"), "utf8");
const supervisor = ["supervisor", ...usual.slice(1)];
const initless = { ARGO_INITLESS_POD: "true" };

describe("init without Node", () => {
  it("leaves program, template and plan, and nothing of an earlier sandbox", async (t) => {
    const pod = new Pod(t);
    pod.write("var/run/argo/ctr/main/exitcode", "0");
    pod.write("var/run/argo/ctr/wait/lock", "");
    pod.plan("other", "fail stale");
    mkdirSync(join(pod.shared, "argoexec"));
    const env = {
      ARGO_POD_NAME: "p",
      ARGO_DEADLINE: "2026-01-28T23:59:59Z",
      ARGO_TEMPLATE: JSON.stringify(plain),
      ARGO_INCLUDE_SCRIPT_OUTPUT: "true",
    };

    const exit = await pod.start([...usual, "--server", "https://api"], {
      program: install(pod),
      container: "init",
      env,
    }).exited;

    assert.deepEqual(exit, { code: 0, signal: null, stdout: "", stderr: "" });
    assert.deepEqual(
      readdirSync(pod.shared)
        .filter((name) => !name.startsWith("."))
        .sort(),
      ["argoexec", "plan", "template"],
    );
    assert.equal(left(pod), "plan 1\ncapture stdout 262145\ncapture combined 0\ncollector wait\n");
    assert.deepEqual(readdirSync(join(pod.shared, "plan")), ["main"]);
    assert.equal(readFileSync(join(pod.shared, "template"), "utf8"), env.ARGO_TEMPLATE);
    assert.deepEqual(readFileSync(join(pod.shared, "argoexec")), readFileSync(program));
    const modes = ["argoexec", "plan", "plan/main", "template"].map(
      (name) => lstatSync(join(pod.shared, name)).mode & 0o777,
    );
    assert.deepEqual(modes, [0o555, 0o777, 0o444, 0o444]);
  });

  const notPlain: Readonly<Record<string, Init>> = {
    "an input artifact": { template: { ...plain, inputs: { artifacts: [{ name: "a", path: "/a" }] } } },
    "a script": { template: { ...plain, container: undefined, script: { image: "i", source: "true" } } },
    "a container set": { template: { ...plain, container: undefined, containerSet: { containers: [] } } },
    sidecars: { template: { ...plain, sidecars: [{ name: "s", image: "i" }] } },
    "a limit of storage": {
      template: {
        ...plain,
        container: { ...plain.container, resources: { limits: { "ephemeral-storage": "1Gi" } } },
      },
    },
    "an escaped key": { template: JSON.stringify(plain).replace('"image"', '"im\\u0061ge"') },
    "a key twice": { template: JSON.stringify(plain).replace('"inputs"', '"outputs":{},"inputs"') },
    "no JSON behind it": { template: `${JSON.stringify(plain)}}` },
    "a number that is none": { template: JSON.stringify(plain).replace("{}", '{"parameters":[01]}') },
    "a bare control character": { template: JSON.stringify(plain).replace("busybox", "busy\tbox") },
    "beyond ASCII": { template: { ...plain, name: "mäin" } },
    "an output on a volume": {
      template: {
        ...plain,
        outputs: { artifacts: [{ name: "a", path: "/v/a" }] },
        container: { ...plain.container, volumeMounts: [{ name: "v", mountPath: "/v" }] },
      },
    },
    "an output path to be cleaned": {
      template: { ...plain, outputs: { artifacts: [{ name: "a", path: "/a/../b" }] } },
    },
    "a template elsewhere": { template: "offloaded" },
    "deep nesting": { template: `{"container":{"x":${"[".repeat(100_000)}` },
    traces: { template: plain, env: { OTEL_EXPORTER_OTLP_ENDPOINT: "" } },
    "a setting": { template: plain, env: { EXECUTOR_RETRY_BACKOFF_STEPS: "many" } },
    "no deadline": { template: plain, env: { ARGO_DEADLINE: "" } },
    "a deadline that is no day": { template: plain, env: { ARGO_DEADLINE: "2026-02-30T00:00:00Z" } },
    "no pod": { template: plain, env: { ARGO_POD_NAME: "" } },
    "a flag of an operator": { template: plain, args: [...usual, "--request-timeout", "soon"] },
    "a flag without a value": { template: plain, args: [...usual, "--server"] },
    "a level that is none": { template: plain, args: ["init", "--loglevel", "loud"] },
    help: { template: plain, args: ["init", "--help"] },
  };
  for (const [name, given] of Object.entries(notPlain)) {
    it(`leaves to Node: ${name}`, async (t) => {
      const { pod, exit, isLeftToNode } = await run(t, given);

      assert.deepEqual([exit.code, isLeftToNode], [33, true], exit.stdout);
      assert.equal(existsSync(join(pod.shared, "plan/main")), false);
    });
    if (given.args) continue;

    it(`leaves to Node before supervisor, too: ${name}`, async (t) => {
      const env = { ...initless, ...given.env };
      const { pod, isLeftToNode } = await run(t, { ...given, env, args: supervisor });

      assert.equal(isLeftToNode, true);
      assert.equal(existsSync(join(pod.shared, "status")), false);
    });
  }

  it("leaves to Node what it cannot write", async (t) => {
    const { pod, isLeftToNode } = await run(t, {
      template: plain,
      env: { ARGOEXEC_ROOT: "/proc/nowhere" },
    });

    assert.equal(isLeftToNode, true);
    assert.equal(existsSync(join(pod.shared, "template")), false);
  });

  it("makes the plans that TypeScript makes, of any template that it takes for plain", async (t) => {
    let byItself = 0;
    let byNode = 0;

    await fc.assert(
      fc.asyncProperty(
        templates,
        fc.boolean(),
        fc.boolean(),
        async (template, includesResult, isInitless) => {
          const env = { ARGO_INCLUDE_SCRIPT_OUTPUT: String(includesResult), ...(isInitless ? initless : {}) };
          const args = isInitless ? supervisor : usual;
          const { pod, json, isLeftToNode } = await run(t, { template, env, args });
          if (isLeftToNode) {
            byNode += 1;
            return;
          }
          byItself += 1;
          const context = { includesResult, isInitless, collector: isInitless ? "supervisor" : "wait" };
          const plans = containerPlans(parseTemplate(json, "test"), context);
          assert.deepEqual([...plans], [["main", left(pod)]]);
          assert.equal(readFileSync(join(pod.shared, "template"), "utf8"), json);
        },
      ),
      { numRuns: 300 },
    );

    t.diagnostic(`${byItself} by itself, ${byNode} left to Node`);
    assert.ok(byItself > 20 && byNode > 20);
  });
});

describe("supervisor: main begins while Node starts", () => {
  it("places template, plan and marker with its lock held, and tells Node", async (t) => {
    const pod = new Pod(t);
    const supervisorProgram = install(pod);
    // This Node goes on once main has ended, which it does only where it need not wait for us.
    const script = `#!/bin/sh
until [ -e ${pod.container("main", "exitcode")} ]; do sleep 0.01; done
echo "prepared: $ARGOEXEC_PREPARED"
`;
    chmodSync(pod.write("prefix/lib/argoexec/node", script), 0o755);
    const env = {
      ...initless,
      ARGO_POD_NAME: "p",
      ARGO_DEADLINE: "0001-01-01T00:00:00Z",
      ARGO_TEMPLATE: JSON.stringify(plain),
    };

    const main = pod.emissary(["echo", "hi"], { env: { ARGO_WAIT_FOR_READY: "true" } });
    const collector = pod.start(supervisor, { program: supervisorProgram, container: "supervisor", env });
    const exits = [await collector.exited, await main.exited];

    assert.deepEqual(
      exits.map(({ code }) => code),
      [0, 0],
    );
    assert.equal(exits[0]?.stdout, "prepared: true\n");
    assert.equal(left(pod), "plan 1\ncapture combined 0\ncollector supervisor\n");
    assert.equal(readFileSync(join(pod.shared, "status"), "utf8"), "READY\n");
    assert.equal(readFileSync(pod.container("main", "combined"), "utf8"), "hi\n");
  });

  const notReady: Readonly<Record<string, Init>> = {
    "a legacy pod": { template: plain, env: { ARGO_INITLESS_POD: "" } },
    plugins: { template: plain, env: { ...initless, ARGO_INPUT_ARTIFACT_PLUGIN_NAMES: "p" } },
    volumes: {
      template: { container: { image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] } },
      env: initless,
    },
    "someone else's word": {
      template: { script: {} },
      env: { ...initless, ARGOEXEC_PREPARED: "true" },
    },
  };
  for (const [name, given] of Object.entries(notReady)) {
    it(`leaves to Node: ${name}`, async (t) => {
      const { pod, isLeftToNode } = await run(t, { ...given, args: supervisor });

      assert.equal(isLeftToNode, true);
      assert.equal(existsSync(join(pod.shared, "status")), false);
    });
  }
});

const rarely = <T, U>(usually: fc.Arbitrary<T>, otherwise: fc.Arbitrary<U>) =>
  fc.oneof({ weight: 60, arbitrary: usually }, { weight: 1, arbitrary: otherwise });
const names = fc.constantFrom("/a", "/b/c.txt", "/b/c.txt", "/d~e_f-g", "/tmp/x.tar.gz");
const odd = fc.constantFrom(
  "/",
  "/a/",
  "a",
  "/a//b",
  "/a/./b",
  "/../a",
  "/.hidden",
  "/a b",
  "/ä",
  "/a\\b",
  "",
);
const paths = rarely(names, odd);
const optional = <T>(value: fc.Arbitrary<T>) => rarely(value, fc.constant(undefined));
const text = rarely(fc.string({ unit: "grapheme-ascii" }), fc.string({ unit: "grapheme" }));

/** Mostly plain ones, each of them odd in some way now and then. */
const templates = fc.record(
  {
    name: text,
    inputs: optional(
      rarely(
        fc.constantFrom({}, { parameters: [{ name: "p", value: "v" }] }),
        fc.constant({ artifacts: [{ name: "i", path: "/i" }] }),
      ),
    ),
    outputs: optional(
      fc.record(
        {
          artifacts: fc.array(
            fc.record({ name: fc.constant("a"), path: paths, archive: fc.constant({ none: {} }) }),
          ),
          parameters: fc.array(
            fc.record(
              {
                name: fc.constant("p"),
                valueFrom: rarely(
                  fc.record({ path: paths, default: text }, { requiredKeys: ["path"] }),
                  fc.constantFrom({}, { supplied: {} }, { expression: "1" }),
                ),
                value: text,
              },
              { requiredKeys: ["name"] },
            ),
          ),
        },
        { requiredKeys: [] },
      ),
    ),
    container: rarely(
      fc.record(
        {
          image: text,
          command: fc.array(text),
          args: fc.array(text),
          resources: rarely(
            fc.constant({}),
            fc.constant({ limits: { "ephemeral-storage": "1Gi", cpu: 1e-3 } }),
          ),
          volumeMounts: rarely(fc.constant([]), fc.constant([{ name: "v", mountPath: "/b" }])),
        },
        { requiredKeys: ["image"] },
      ),
      fc.constant(undefined),
    ),
    archiveLocation: optional(
      fc.record(
        { archiveLogs: fc.boolean(), s3: fc.constant({ bucket: "b", key: "k" }) },
        { requiredKeys: [] },
      ),
    ),
    retryStrategy: optional(fc.constantFrom({ limit: 3 }, { limit: "3", backoff: { factor: -1.5e3 } })),
    daemon: rarely(fc.constant(undefined), fc.boolean()),
    sidecars: rarely(fc.constant(undefined), fc.constant([{ name: "s", image: "i" }])),
  },
  { requiredKeys: ["container"] },
);
