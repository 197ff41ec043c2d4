import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { crc32c, crc64 } from "../../src/artifacts/crc.ts";
import { signV1, signV4 } from "../../src/artifacts/drivers/oss/signature.ts";

describe("signatures of OSS, as its documentation and its own clients have them", () => {
  it("signs with version 1", () => {
    const request = {
      method: "PUT",
      bucket: "oss-example",
      key: "nelson",
      query: {},
      headers: {
        "content-md5": "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=",
        "content-type": "text/html",
        "x-oss-meta-author": "foo@bar.com",
        "x-oss-magic": "abracadabra",
      },
    };
    const keys = {
      accessKeyId: "44CF9590006BF252F707",
      accessKeySecret: "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV",
    };

    const { authorization } = signV1(request, keys, new Date("Thu, 17 Nov 2005 18:49:58 GMT"));

    assert.equal(authorization, "OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA=");
  });

  for (const [title, token, seconds, signature] of [
    ["version 4", undefined, 1702743657, "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"],
    [
      "version 4 and a security token",
      "token",
      1702784856,
      "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea",
    ],
  ] as const) {
    it(`signs with ${title}`, () => {
      const request = {
        method: "PUT",
        bucket: "bucket",
        key: "1234+-/123/1.txt",
        query: {
          param1: "value1",
          "+param1": "value3",
          "|param1": "value4",
          "+param2": "",
          "|param2": "",
          param2: "",
        },
        headers: {
          "x-oss-head1": "value",
          abc: "value",
          zabc: "value",
          xyz: "value",
          "content-type": "text/plain",
        },
      };
      const keys = { accessKeyId: "ak", accessKeySecret: "sk", securityToken: token };

      const { authorization = "" } = signV4(request, keys, "cn-hangzhou", new Date(seconds * 1000));

      assert.ok(authorization.endsWith(`Signature=${signature}`), authorization);
    });
  }
});

describe("CRCs that Node has not", () => {
  for (const [name, crc, check] of [
    ["CRC-32C", crc32c(), 0xe3069283n],
    ["CRC-64 of ECMA-182 (as xz)", crc64(), 0x995dc9bbdf1939fan],
  ] as const) {
    it(`${name} of "123456789" is the catalogue's`, () => {
      assert.equal(crc.update(crc.empty, Buffer.from("123456789")), check);
    });

    it(`${name} does not depend on how the bytes come, and combines`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
          const both = Buffer.concat([first, second]);
          const whole = crc.update(crc.empty, both);
          const a = crc.update(crc.empty, first);
          const b = crc.update(crc.empty, second);
          assert.equal(crc.update(a, second), whole);
          assert.equal(crc.combine(a, b, second.length), whole);
        }),
      );
    });

    it(`${name} of more than its memory holds at once`, () => {
      const bytes = Buffer.alloc(300_001, 7);
      const cut = crc.update(crc.update(crc.empty, bytes.subarray(0, 12_345)), bytes.subarray(12_345));

      assert.equal(crc.update(crc.empty, bytes), cut);
    });
  }
});
