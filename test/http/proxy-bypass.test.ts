import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseNoProxy } from "../../src/http/index.ts";

/** The cases of golang.org/x/net/http/httpproxy, and some of the wild. */
const cases: readonly (readonly [title: string, noProxy: string, around: string[], through: string[]])[] = [
  [
    "this host is never behind a proxy",
    "",
    [
      "http://localhost:1/",
      "https://LOCALHOST/",
      "http://127.0.0.1/",
      "http://127.8.0.1/",
      "http://[::1]:80/",
      "http://[::ffff:127.0.0.1]/",
    ],
    ["http://a.test/", "http://localhost.example/", "http://127.example/", "http://128.0.0.1/"],
  ],
  [
    "a name stands for itself and its subdomains",
    "example.com, B.TEST ,,",
    [
      "http://example.com/",
      "http://EXAMPLE.com:81/",
      "http://a.example.com/",
      "http://a.b.example.com/",
      "https://b.test/",
    ],
    ["http://badexample.com/", "http://example.com.evil/", "http://com/"],
  ],
  [
    "a leading dot or star stands for subdomains alone",
    ".example.com,*.b.test",
    ["http://a.example.com/", "http://a.b.example.com/", "http://x.b.test/"],
    ["http://example.com/", "http://b.test/"],
  ],
  [
    "names of other scripts match their ASCII form",
    "bücher.example",
    ["http://bücher.example/", "http://www.xn--bcher-kva.example/"],
    ["http://bucher.example/"],
  ],
  [
    "an address stands for itself",
    "10.0.0.1",
    ["http://10.0.0.1:9000/"],
    ["http://10.0.0.10/", "http://x.10.0.0.1.nip.io/"],
  ],
  [
    "IPv6 addresses are compared in any spelling",
    "fd00:0:0:0:0:0:0:5,[fe80::1]",
    ["http://[fd00::5]/", "https://[fe80::1]:8443/"],
    ["http://[fd00::6]/"],
  ],
  [
    "CIDR blocks hold addresses, not names",
    "10.96.0.0/12,fd00::/8",
    ["http://10.96.0.1/", "http://10.111.255.255/", "http://[fd12::5]/", "http://[::ffff:10.96.0.1]/"],
    ["http://10.112.0.1/", "http://[fe00::5]/", "http://kubernetes.default.svc/"],
  ],
  [
    "a port limits an entry to it, and has a default",
    "a.test:8080,b.test:443,10.0.0.1:80,[fd00::5]:81",
    [
      "http://a.test:8080/",
      "http://sub.a.test:8080/",
      "https://b.test/",
      "http://10.0.0.1/",
      "http://[fd00::5]:81/",
    ],
    ["http://a.test/", "http://b.test/", "https://10.0.0.1/", "http://[fd00::5]/"],
  ],
  [
    "a star stands for everything",
    "x.test,*",
    ["http://a.test/", "http://10.0.0.1/", "https://[fd00::1]/"],
    [],
  ],
  [
    "nonsense matches nothing",
    "10.0.0.0/99,:80,.,/,10.0.0.0/",
    [],
    ["http://10.0.0.1/", "http://a.test/", "https://a/"],
  ],
];

describe("NO_PROXY", () => {
  for (const [title, noProxy, around, through] of cases) {
    it(`R30: ${title}`, () => {
      const bypasses = parseNoProxy(noProxy);

      for (const url of around) assert.equal(bypasses(new URL(url)), true, `${url} with ${noProxy}`);
      for (const url of through) assert.equal(bypasses(new URL(url)), false, `${url} with ${noProxy}`);
    });
  }
});
