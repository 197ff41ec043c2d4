import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { describe, it } from "node:test";
import { Pod, sh } from "./program.ts";

describe("emissary: arguments from a file", () => {
  const env = { ARGO_CONTAINER_ARGS_FILE: "/argo/config/ARGO_CONTAINER_ARGS_FILE" };

  it("appends the strings of the JSON array", async (t) => {
    const pod = new Pod(t);
    const more = ["two words", 'q"\\/\b\f\n\r\t', "ä€😀", ""];
    pod.write(
      "argo/config/ARGO_CONTAINER_ARGS_FILE",
      ` ${JSON.stringify(more).replace("😀", "\\ud83d\\uDE00")}\n`,
    );

    const exit = await pod.run(sh('for a; do printf "%s|" "$a"; done', "own"), { env });

    assert.equal(exit.stdout, ["own", ...more, ""].join("|"));
  });

  it("R33: moves arguments that the kernel would refuse into files", async (t) => {
    const pod = new Pod(t);
    const fits = "a".repeat(131_071);
    const long = "b".repeat(131_072);
    pod.write("argo/config/ARGO_CONTAINER_ARGS_FILE", JSON.stringify([fits, long]));

    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's placeholders
    const exit = await pod.run(sh('echo ${#1} "$2"; wc -c < "${2#@}"'), { env });

    const file = pod.path("tmp/argo_arg_4.txt");
    assert.equal(exit.stdout.replaceAll(/ +/g, " "), `131071 @${file}\n131072\n`);
    assert.equal(pod.read(file), long);
  });

  it("R33: uses the shared volume where /tmp cannot be written", async (t) => {
    const pod = new Pod(t);
    pod.write("argo/config/ARGO_CONTAINER_ARGS_FILE", JSON.stringify(["c".repeat(140_000)]));
    // A folder of the file's name is refused to root as well.
    mkdirSync(pod.path("tmp/argo_arg_3.txt"));

    const exit = await pod.run(sh('echo "$1"'), { env });

    assert.equal(exit.stdout, `@${pod.container("main", "argo_arg_3.txt")}\n`);
  });

  for (const [text, why] of [
    ["{}", "expected ["],
    ['["a",]', "expected a string"],
    ['["a" "b"]', "expected , or ]"],
    ['["\\x"]', "unknown escape"],
    ['["\\u0000"]', "NUL"],
    ['["a"', "expected , or ]"],
    ["[1]", "expected a string"],
    ['["a"] x', "more text"],
  ] as const) {
    it(`fails with 64 for ${text}`, async (t) => {
      const pod = new Pod(t);
      pod.write("argo/config/ARGO_CONTAINER_ARGS_FILE", text);

      const exit = await pod.run(["true"], { env });

      assert.equal(exit.code, 64);
      assert.ok(String(pod.message()).includes(why), String(pod.message()));
    });
  }

  it("fails with 64 when the file is missing", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.run(["true"], { env });

    assert.equal(exit.code, 64);
    assert.match(pod.message() ?? "", /ARGO_CONTAINER_ARGS_FILE: no such file or directory/);
  });
});
