import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { AnswerRules, readFrames } from "../../src/outputs/frames.ts";
import { composeOutputs, fitOutputs, readProgress, readResult } from "../../src/outputs/index.ts";
import { PodPaths } from "../../src/podfiles/index.ts";

function fileWith(t: TestContext, content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-values-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file");
  writeFileSync(path, content);
  return path;
}

/** A pod whose main has printed something. */
function podWith(t: TestContext, stdout: string): PodPaths {
  const root = mkdtempSync(join(tmpdir(), "outrider-values-"));
  t.after(() => rmSync(root, { recursive: true }));
  const paths = new PodPaths(root);
  mkdirSync(paths.container("main"), { recursive: true });
  writeFileSync(join(paths.container("main"), "stdout"), stdout);
  return paths;
}

describe("script result", () => {
  it("loses one trailing newline and no more", async (t) => {
    assert.equal(await readResult(podWith(t, "a\n\n")), "a\n");
    assert.equal(await readResult(podWith(t, "a")), "a");
    assert.equal(await readResult(podWith(t, "")), "");
  });

  it("S2: is the last 262,144 bytes of a long output", async (t) => {
    const text = `${"x".repeat(300_000)}end\n`;

    const result = await readResult(podWith(t, text));

    assert.equal(result, text.slice(0, -1).slice(-262_144));
  });

  it("never begins in the middle of a character", async (t) => {
    // The last 262,144 bytes begin with the second byte of an é.
    const result = await readResult(podWith(t, `${"é".repeat(150_000)}x`));

    assert.equal(result, `${"é".repeat(131_071)}x`);
  });
});

describe("progress", () => {
  it("is the last line, if it is done/total", async (t) => {
    assert.equal(await readProgress(fileWith(t, "1/10\n 5/10 \n\n")), "5/10");
    assert.equal(await readProgress(fileWith(t, "0/1")), "0/1");
  });

  it("is nothing for a value that would stop a controller", async (t) => {
    for (const text of ["50", "11/10", "1/0", "-1/5", "a/b", "1/2/3", "1.5/2", "", "5/10 "]) {
      const value = await readProgress(fileWith(t, text));
      assert.equal(value, text.trim() === "5/10" ? "5/10" : undefined, JSON.stringify(text));
    }
  });
});

describe("reported outputs", () => {
  it("keep every field of the template and leave out empty lists", () => {
    const declared = {
      parameters: [{ name: "p", globalName: "g", valueFrom: { path: "/p" } }],
      exitCode: "0",
    };

    assert.deepEqual(composeOutputs(declared, { parameters: [], artifacts: [], result: undefined }), {
      exitCode: "0",
    });
    assert.deepEqual(
      composeOutputs(declared, {
        parameters: [{ name: "p", globalName: "g", valueFrom: { path: "/p" }, value: "" }],
        artifacts: [],
        result: "",
      }),
      {
        parameters: [{ name: "p", globalName: "g", valueFrom: { path: "/p" }, value: "" }],
        exitCode: "0",
        result: "",
      },
    );
  });

  it("S16: lose their largest values, each named, until an object can hold them", () => {
    const big = "x".repeat(900);
    const outputs = {
      parameters: [
        { name: "a", value: big },
        { name: "b", value: "small" },
        { name: "c", value: `${big}y` },
      ],
    };

    const { outputs: fitted, errors } = fitOutputs(outputs, 1200);

    assert.deepEqual(fitted.parameters, [
      { name: "a", value: big },
      { name: "b", value: "small" },
      { name: "c" },
    ]);
    assert.equal(errors.length, 1);
    assert.match(errors[0]?.message ?? "", /output parameter c is 903 bytes.*below 1200 bytes/);
  });
});

describe("frames on the outputs socket", () => {
  const frame = (type: string, text: string) => {
    const header = Buffer.alloc(9);
    header.write(type);
    header.writeBigUInt64BE(BigInt(Buffer.byteLength(text)), 1);
    return Buffer.concat([header, Buffer.from(text)]);
  };

  it("come out the same however the bytes are cut", async () => {
    const bytes = Buffer.concat([frame("S", "file 5"), frame("D", "hel"), frame("D", "lo"), frame("E", "")]);
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      let data = "";
      const types = new Set<string>();
      for await (const { type, bytes: content } of readFrames(Readable.from(chunks), new AnswerRules("p"))) {
        types.add(type);
        if (type === "D") data += content.toString();
      }
      assert.equal(data, "hello");
      assert.deepEqual([...types], ["S", "D", "E"]);
    }
  });

  it("of an unknown type are refused", async () => {
    const read = async () => {
      for await (const _ of readFrames(Readable.from([frame("Z", "x")]), new AnswerRules("p")));
    };

    await assert.rejects(read(), /not a frame/);
  });
});
