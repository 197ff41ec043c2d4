import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PathMap } from "../../desk/kubelet/index.ts";

const root = "/private/main";
const map = new PathMap(root, [
  "/data/in.csv",
  "/out/tree/",
  "/usr/local/bin/tool",
  "/srv/app/models",
  "/work",
]);

describe("paths of a container on a desk", () => {
  it("are mapped wherever a text mentions what is declared, or its parents", () => {
    const cases: readonly [string, string][] = [
      ["/data/in.csv", `${root}/data/in.csv`],
      ["cd /data && cat in.csv", `cd ${root}/data && cat in.csv`],
      ["cp /data/in.csv /out/tree/a", `cp ${root}/data/in.csv ${root}/out/tree/a`],
      ["--out=/work/x:/work/y", `--out=${root}/work/x:${root}/work/y`],
      ['open("/tmp/a")', `open("${root}/tmp/a")`],
      ["saved in /work.", `saved in ${root}/work.`],
      ["echo>/tmp/x", `echo>${root}/tmp/x`],
      ["file:///data/in.csv", `file://${root}/data/in.csv`],
      ["@/argo/inputs/artifacts/x", `@${root}/argo/inputs/artifacts/x`],
      ["/usr/local/bin/tool", `${root}/usr/local/bin/tool`],
      ["/srv/app/models /srv/app/main.py", `${root}/srv/app/models ${root}/srv/app/main.py`],
    ];

    for (const [text, expected] of cases) assert.equal(map.text(text), expected);
  });

  it("leave everything else alone", () => {
    const texts = [
      "/database/x",
      "/work.d/x /work-2 /works",
      "http://example.com/data/x",
      "https://host:8080/tmp/x",
      "$HOME/tmp/x ~/tmp/x ./work ../work a/work",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell expands it
      "${DIR}/work $(pwd)/work",
      "/usr/local/bin/other /usr/local /etc/hosts /bin/sh /dev/null /proc/self",
      "/srv/other /var/log",
    ];

    for (const text of texts) assert.equal(map.text(text), text);
  });

  it("stay relative to the working directory where they are relative", () => {
    assert.equal(map.path("out.txt"), "out.txt");
    assert.equal(map.path("/any/path"), `${root}/any/path`);
  });
});
