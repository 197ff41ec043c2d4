import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Artifact,
  type ArtifactLocation,
  cleanArtifactPath,
  findOverlappingVolume,
  getKey,
  hasLocation,
  joinKey,
  outputSource,
  parseGoDuration,
  relocate,
  type Template,
  withGeneratedKey,
  withKey,
} from "../../src/template/index.ts";

const archive: ArtifactLocation = {
  archiveLogs: true,
  s3: { endpoint: "minio:9000", bucket: "b", key: "wf/pod", accessKeySecret: { name: "s", key: "k" } },
};

describe("artifact locations", () => {
  it("a key-only artifact of any type takes over the archive location's store", () => {
    const located = relocate({ name: "a", path: "/a", gcs: { key: "x/y" } }, archive);

    assert.deepEqual(located.s3, { ...archive.s3, key: "x/y" });
    assert.equal(located.gcs, undefined);
  });

  it("a full location stays as it is", () => {
    const artifact: Artifact = { name: "a", s3: { endpoint: "e", bucket: "b", key: "k" } };

    assert.equal(relocate(artifact, archive), artifact);
  });

  it("half a location loses everything but its key", () => {
    const located = relocate({ name: "a", s3: { bucket: "other", key: "k" } }, archive);

    assert.equal(located.s3?.bucket, "b");
    assert.equal(located.s3?.key, "k");
  });

  it("a generated key names the type and nothing that only relocation knows", () => {
    const reported = withGeneratedKey({ name: "out", path: "/out", gcs: {} }, archive, "out.tgz");

    assert.deepEqual(reported, { name: "out", path: "/out", s3: { key: "wf/pod/out.tgz" } });
  });

  it("fields that the CRD requires are emitted empty", () => {
    const azure: ArtifactLocation = { azure: { endpoint: "https://x", container: "c", blob: "wf/pod" } };

    assert.deepEqual(withGeneratedKey({ name: "o" }, azure, "o.tgz").azure, {
      endpoint: "",
      container: "",
      blob: "wf/pod/o.tgz",
    });
  });

  it("git and raw have no key; no location and no store are told apart", () => {
    assert.throws(() => getKey({ git: { repo: "r" } }), /git artifact does not have a key/);
    assert.throws(() => getKey({ raw: { data: "" } }), /raw artifat does not have key/);
    assert.throws(() => getKey(undefined), /because it is invalid/);
    assert.throws(() => getKey({ archiveLogs: true }), /artifact storage is not configured/);
  });

  it("the key of a URL is its path; setting it keeps host and query", () => {
    const http: ArtifactLocation = { http: { url: "https://h:1/a/b%20c?x=1" } };

    assert.equal(getKey(http), "/a/b c");
    assert.equal(withKey(http, "/d e").http?.url, "https://h:1/d%20e?x=1");
  });

  it("an artifactory location needs credentials to be full", () => {
    assert.equal(hasLocation({ artifactory: { url: "http://a/b" } }), false);
    assert.equal(
      hasLocation({ artifactory: { url: "http://a/b", usernameSecret: { name: "n", key: "k" } } }),
      true,
    );
  });

  it("keys are joined as Go's path.Join does", () => {
    assert.equal(joinKey("a//b", "../c", ""), "a/c");
    assert.equal(joinKey("a/", "b/"), "a/b");
    assert.equal(joinKey("", ""), "");
  });
});

describe("artifact paths", () => {
  const clean = (path: string) => cleanArtifactPath({ name: "a", path });

  it("are cleaned, and refused where they climb out", () => {
    assert.equal(clean("/tmp//x/"), "/tmp/x");
    assert.equal(clean("/tmp/a/../a/b"), "/tmp/a/b");
    assert.equal(clean("/../etc"), "/etc");
    assert.throws(() => clean("/tmp/../etc"), /Directory traversal is not permitted/);
    assert.throws(() => clean("/tmp/a/.."), /Directory traversal/);
    assert.throws(() => clean(""), /did not specify a path/);
  });

  it("overlap a volume by folders, not by letters, and the deepest mount wins", () => {
    const template: Template = {
      container: {
        volumeMounts: [
          { name: "outer", mountPath: "/work" },
          { name: "inner", mountPath: "/work/in/" },
        ],
      },
    };

    assert.equal(findOverlappingVolume(template, "/work/in/x")?.name, "inner");
    assert.equal(findOverlappingVolume(template, "/work")?.name, "outer");
    assert.equal(findOverlappingVolume(template, "/work-x"), undefined);
  });

  it("R18: an output at an input's path is a shared mount in the legacy layout only", () => {
    const template: Template = {
      container: {},
      inputs: { artifacts: [{ name: "i", path: "/in", raw: { data: "" } }] },
    };

    assert.equal(outputSource(template, "/in", false), "shared mount");
    assert.equal(outputSource(template, "/in/sub", false), "shared mount");
    assert.equal(outputSource(template, "/in", true), "base layer");
    assert.equal(outputSource(template, "/in-x", false), "base layer");
  });

  it("an output at the path of an optional input that was not supplied is main's own file", () => {
    const template: Template = {
      container: {},
      inputs: { artifacts: [{ name: "i", path: "/in", optional: true }] },
    };

    assert.equal(outputSource(template, "/in", false), "base layer");
  });
});

describe("Go durations", () => {
  it("are read with every unit, sign and fraction", () => {
    assert.equal(parseGoDuration("1m30s", "d"), 90_000);
    assert.equal(parseGoDuration("1.5h", "d"), 5_400_000);
    assert.equal(parseGoDuration("-300ms", "d"), -300);
    assert.equal(parseGoDuration("0", "d"), 0);
  });

  it("are refused with the name of the setting and the accepted form", () => {
    for (const text of ["", "10", "1x", "s", "1m 30s"]) {
      assert.throws(
        () => parseGoDuration(text, "pause"),
        /pause must be a duration with units such as 1m30s/,
      );
    }
  });
});
