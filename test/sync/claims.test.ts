import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Claims } from "../../src/sync/orphans/claims.ts";
import { keyFormat, readWorkflow } from "../../src/sync/workflows/index.ts";
import { workflowObject } from "./workflow-objects.ts";

const repository = { type: "s3", endpoint: "minio:9000", bucket: "artifacts" } as const;
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,12}[a-z0-9])?$/);
/** Namespaces are DNS labels: no dots. */
const namespaceName = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?$/);
const separator = fc.constantFrom("/", "-", "//", "/a/", ".", "_", "");
/** Formats whose keys tell their workflow, with whatever else between. */
const format = fc
  .tuple(
    fc.constantFrom(
      "",
      "runs/",
      "a/b/",
      "{{workflow.namespace}}/",
      "{{workflow.creationTimestamp.Y}}/{{workflow.creationTimestamp.m}}/",
    ),
    fc.constantFrom("{{workflow.name}}", "{{ workflow.name }}", "{{workflow.uid}}", "{{pod.name}}"),
    separator,
    fc.constantFrom(
      "{{pod.name}}",
      "{{workflow.parameters.p}}{{pod.name}}",
      "x/{{pod.name}}",
      "{{workflow.name}}/{{pod.name}}",
    ),
  )
  .map((parts) => parts.join(""));

/** The key that an executor makes: the format with its values, joined with a file's name as Go's path.Join does. */
function keyOf(text: string, values: Readonly<Record<string, string>>, file: string): string {
  const archive = text.replaceAll(/\{\{\s*([^}]*?)\s*\}\}/g, (_, tag: string) => values[tag] ?? "");
  return `${archive}/${file}`.replaceAll(/\/{2,}/g, "/");
}

describe("claims", () => {
  it("call nothing an orphan that a known workflow may have made, whatever the format of keys", async () => {
    await fc.assert(
      fc.asyncProperty(
        format,
        name,
        namespaceName,
        name,
        fc.boolean(),
        async (text, workflow, namespace, suffix, isRunning) => {
          const object = workflowObject({
            name: workflow,
            namespace,
            phase: isRunning ? "Running" : "Failed",
          });
          const pod = suffix.length % 2 === 0 ? workflow : `${workflow}-${suffix}`;
          const values = {
            "workflow.name": workflow,
            "workflow.namespace": namespace,
            "workflow.uid": object.metadata.uid,
            "pod.name": pod,
            "workflow.parameters.p": suffix,
            "workflow.creationTimestamp.Y": "2026",
            "workflow.creationTimestamp.m": "06",
          };
          const claims = new Claims({ repository, keyFormats: [text], onlyNamespaces: undefined });
          claims.addWorkflow(await readWorkflow(object, "cluster"));

          const { kind } = claims.ownershipOf(keyOf(text, values, "main.log"), Date.now());

          assert.ok(
            kind === "unnamed" || kind === "uncertain",
            `${kind}: ${keyOf(text, values, "main.log")}`,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it("know every key that a workflow names, and all below it, whatever is in the key", async () => {
    const unit = fc.constantFrom("/", ".", "a", "-", " ", "%", "é", "\u2028", "\u0000", "\uD800");
    const key = fc.string({ minLength: 1, maxLength: 40, unit });
    await fc.assert(
      fc.asyncProperty(key, fc.string({ maxLength: 10 }), async (named, below) => {
        const claims = new Claims({ repository, keyFormats: [], onlyNamespaces: undefined });
        claims.addWorkflow(
          await readWorkflow(workflowObject({ name: "wf", outputs: { data: named } }), "cluster"),
        );

        assert.equal(claims.ownershipOf(named, 0).kind, "named");
        assert.equal(claims.ownershipOf(`${named}/${below}`, 0).kind, "named");
      }),
      { numRuns: 500 },
    );
  });

  it("read hostile keys in bounded time", () => {
    const formats = [
      "{{workflow.parameters.a}}/{{workflow.parameters.b}}/{{workflow.parameters.c}}/{{workflow.name}}",
      "{{pod.name}}{{workflow.name}}{{pod.name}}",
    ];
    const keys = ["/".repeat(1024), `${"a/".repeat(512)}!`, `${"a-".repeat(512)}/x`, "a".repeat(1024)];

    const owners = formats.flatMap((text) => keys.map((key) => keyFormat(text).ownersOf(key)));

    assert.equal(owners.length, 8);
    assert.ok(owners.every((each) => each === undefined || each === "any" || each.length < 100_000));
  });
});
