import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { rootCertificates } from "node:tls";

const libraries = resolve(import.meta.dirname, "../../dist/lib/argoexec");
const flags = readFileSync(join(libraries, "node.flags"), "utf8").trim().split("\n");
const roots = resolve(import.meta.dirname, "../../src/http/roots.ts");
/** An authority of nobody: any certificate will do. */
const stranger = rootCertificates[0] ?? "";

/** As fingerprints, each once: the same certificate is wrapped in lines of another length where it was set. */
const fingerprints = `JSON.stringify([...new Set(require("tls").getCACertificates("default").map(
  (pem) => new (require("crypto").X509Certificate)(pem).fingerprint256))].sort())`;

/** What connections trust that name no authorities: as Node is started in a pod, or without its flags. */
function trusted(isPod: boolean, env: NodeJS.ProcessEnv, before = ""): readonly string[] {
  const script = `${before}; console.log(${fingerprints});`;
  const { stdout, stderr } = spawnSync(join(libraries, "node"), [...(isPod ? flags : []), "-e", script], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, ...env },
    maxBuffer: 16 * 1024 * 1024,
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as string[];
}

function makeFile(t: TestContext, text: string): string {
  const folder = mkdtempSync("/tmp/roots-");
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "ca.pem"), text);
  return join(folder, "ca.pem");
}

describe("authorities that a pod trusts where none are named", () => {
  const trust = `require(${JSON.stringify(roots)}).trustPublicRoots()`;

  it("are those that Node trusts by itself", () => {
    assert.deepEqual(trusted(true, {}, trust), trusted(false, {}));
    assert.equal(trusted(true, {}, trust).length, rootCertificates.length);
  });

  it("are the same whatever OpenSSL would take from the environment, for readRoots looks at that", (t) => {
    const file = makeFile(t, stranger);
    for (const env of [
      { SSL_CERT_FILE: file },
      { SSL_CERT_DIR: "/nowhere" },
      { SSL_CERT_FILE: "/nowhere" },
    ]) {
      assert.deepEqual(trusted(true, env, trust), trusted(false, {}), Object.keys(env).join());
    }
  });

  it("include those that Node is told to add", (t) => {
    const own = makeCertificate(t);
    const env = { NODE_EXTRA_CA_CERTS: own };

    assert.deepEqual(trusted(true, env, trust), trusted(false, env));
    assert.equal(trusted(true, env, trust).length, rootCertificates.length + 1);
  });

  it("are trusted once more before a package is loaded that opens connections of its own", (t) => {
    const root = mkdtempSync("/tmp/roots-");
    t.after(() => rmSync(root, { recursive: true }));
    const kubeconfig = join(root, "config");
    writeFileSync(kubeconfig, "not: [a kubeconfig");
    const hook = join(root, "hook.cjs");
    const list = join(root, "list.json");
    writeFileSync(
      hook,
      `process.on("exit", () => require("fs").writeFileSync(${JSON.stringify(list)}, ${fingerprints}))`,
    );
    const args = [
      "--require",
      hook,
      join(libraries, "argoexec.cjs"),
      "agent",
      "main",
      "--kubeconfig",
      kubeconfig,
    ];
    const env = {
      PATH: process.env.PATH,
      ARGOEXEC_ROOT: root,
      ARGO_WORKFLOW_NAME: "wf",
      ARGO_WORKFLOW_UID: "uid",
    };

    const { status } = spawnSync(join(libraries, "node"), [...flags, ...args], { env });

    assert.notEqual(status, 0);
    assert.deepEqual(JSON.parse(readFileSync(list, "utf8")), trusted(false, {}));
  });
});

/** A self-signed certificate that no list has. */
function makeCertificate(t: TestContext): string {
  const file = makeFile(t, "");
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"],
    ...["-subj", "/CN=own", "-keyout", `${file}.key`, "-out", file],
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  return file;
}
