import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { readCcache } from "../../src/artifacts/drivers/hdfs/kerberos/ccache.ts";
import { readConfiguration } from "../../src/artifacts/drivers/hdfs/kerberos/configuration.ts";
import {
  applicationTag,
  der,
  field,
  integer,
  readDer,
  sequence,
  text,
  time,
} from "../../src/artifacts/drivers/hdfs/kerberos/der.ts";
import {
  decrypt,
  decryptCts,
  encrypt,
  encryptCts,
  fold,
  toKey,
} from "../../src/artifacts/drivers/hdfs/kerberos/encryption.ts";
import { readKeytab } from "../../src/artifacts/drivers/hdfs/kerberos/keytab.ts";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { patience, surroundings } from "./surroundings.ts";

const hex = (digits: string) => Buffer.from(digits, "hex");
const alice = { names: ["alice"], realm: "R" };

/** A keytab as MIT's programs write it. */
function keytab(
  ...entries: readonly { name: string; type: number; key: Buffer; version?: number }[]
): Buffer {
  const counted = (bytes: Buffer) =>
    Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  const written = entries.map(({ name, type, key, version = 1 }) => {
    const entry = Buffer.concat([
      Buffer.from([0, 1]),
      counted(Buffer.from("R")),
      counted(Buffer.from(name)),
      Buffer.alloc(8),
      Buffer.from([version, 0, type]),
      counted(key),
    ]);
    const size = Buffer.alloc(4);
    size.writeInt32BE(entry.length);
    return Buffer.concat([size, entry]);
  });
  return Buffer.concat([Buffer.from([5, 2]), ...written]);
}

describe("Kerberos: encryption", () => {
  it("folds as RFC 3961 (appendix A.1) does", () => {
    for (const [input, length, expected] of [
      ["012345", 8, "be072631276b1955"],
      ["password", 7, "78a07b6caf85fa"],
      ["Rough Consensus, and Running Code", 8, "bb6ed30870b7f0e0"],
      ["kerberos", 16, "6b65726265726f737b9b5b2b93132b93"],
    ] as const) {
      assert.equal(fold(Buffer.from(input), length).toString("hex"), expected);
    }
  });

  it("steals ciphertext as RFC 3962 (appendix B) does, and gives it back", () => {
    const key = Buffer.from("chicken teriyaki");
    const plain = Buffer.from("I would like the General Gau's Chicken, please, and wonton soup.");
    for (const [length, expected] of [
      [17, "c6353568f2bf8cb4d8a580362da7ff7f97"],
      [31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"],
      [32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"],
    ] as const) {
      const cipher = encryptCts(key, plain.subarray(0, length));
      assert.equal(cipher.toString("hex"), expected);
      assert.ok(decryptCts(key, cipher).equals(plain.subarray(0, length)));
    }
  });

  it("refuses what was changed, what is too short, and what another key made", () => {
    for (const bytes of [16, 32]) {
      const key = toKey(bytes === 16 ? 17 : 18, Buffer.alloc(bytes, 1));
      const other = toKey(bytes === 16 ? 17 : 18, Buffer.alloc(bytes, 2));
      assert.ok(key && other);
      for (const plain of [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(100, 7)]) {
        const cipher = encrypt(key, 3, plain);
        assert.ok(decrypt(key, 3, cipher).equals(plain));
        const changed = Buffer.from(cipher);
        changed[3] = (changed[3] ?? 0) ^ 1;
        for (const wrong of [
          () => decrypt(key, 3, changed),
          () => decrypt(other, 3, cipher),
          () => decrypt(key, 4, cipher),
          () => decrypt(key, 3, cipher.subarray(0, 20)),
        ])
          assert.throws(wrong, (error) => isExecutorError(error, "Unauthorized"));
      }
    }
  });
});

describe("Kerberos: secrets", () => {
  const strong = Buffer.alloc(32, 7);

  it("finds the newest and strongest AES key of the principal", () => {
    const bytes = keytab(
      { name: "bob", type: 18, key: Buffer.alloc(32, 1) },
      { name: "alice", type: 18, key: Buffer.alloc(32, 2), version: 1 },
      { name: "alice", type: 17, key: Buffer.alloc(16, 3), version: 2 },
      { name: "alice", type: 18, key: strong, version: 2 },
      { name: "alice", type: 23, key: Buffer.alloc(16, 4), version: 3 },
    );

    assert.ok(readKeytab(bytes, alice)[0]?.bytes.equals(strong));
  });

  it("names what is wrong with a keytab, and none of its keys", () => {
    const whole = keytab({ name: "alice", type: 18, key: strong });
    const weak = keytab({ name: "alice", type: 23, key: Buffer.alloc(16, 4) });
    for (const [bytes, words] of [
      [Buffer.from("no keytab"), /holds no keytab/],
      [whole.subarray(0, whole.length - 10), /damaged keytab/],
      [weak, /no AES key/],
      [keytab(), /no key for alice@R; check krbUsername and krbRealm/],
    ] as const)
      assert.throws(() => readKeytab(bytes, alice), words);
  });

  it("names what is wrong with a credential cache", () => {
    assert.throws(() => readCcache(Buffer.from("no cache")), /holds no credential cache/);
    assert.throws(() => readCcache(hex("05040000000000010000000100")), /damaged credential cache/);
  });

  it("reads centres and realms of a krb5.conf, and names what is missing", () => {
    const configuration = readConfiguration(`
# comment
[realms]
  A.ORG = {
    kdc = one.a.org
    kdc = [::1]:1088
    admin_server = one.a.org
  }
[domain_realm]
  .a.org = A.ORG
  special.b.org = A.ORG
`);

    assert.deepEqual(configuration.kdcsOf("A.ORG"), [
      { host: "one.a.org", port: 88 },
      { host: "::1", port: 1088 },
    ]);
    assert.equal(configuration.realmOf("nn.deep.a.org", "C"), "A.ORG");
    assert.equal(configuration.realmOf("special.b.org", "C"), "A.ORG");
    assert.equal(configuration.realmOf("b.org", "C"), "C");
    assert.throws(() => configuration.kdcsOf("B.ORG"), /names no kdc of B\.ORG/);
    assert.throws(
      () => readConfiguration("[realms]\nA = {\nkdc = http://x/y\n}"),
      /is not host or host:port/,
    );
  });
});

/** A centre that answers each request with what it is told to; undefined: it closes the connection. */
async function startCentre(t: TestContext, answer: () => Buffer | undefined) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      const bytes = answer();
      const head = Buffer.alloc(4);
      head.writeUInt32BE(bytes?.length ?? 100);
      socket.end(Buffer.concat([head, bytes ?? Buffer.alloc(3)]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const artifact = {
    name: "a",
    hdfs: {
      addresses: ["http://127.0.0.1:1"],
      path: "/a",
      krbKeytabSecret: { name: "krb", key: "keytab" },
      krbUsername: "alice",
      krbRealm: "R",
      krbConfigConfigMap: { name: "krb5", key: "conf" },
    },
  };
  const context = {
    ...surroundings({}, { retry: { attempts: 1, durationMs: 1, factor: 1, jitter: 0 } }),
    readSecret: async () => keytab({ name: "alice", type: 18, key: Buffer.alloc(32, 7) }),
    readConfigMap: async () => `[realms]\nR = {\nkdc = 127.0.0.1:${port}\n}\n`,
  };
  return { artifact, context };
}

const refusal = (code: number, atMs: number) =>
  der(
    applicationTag(30),
    sequence(
      field(0, integer(5)),
      field(1, integer(30)),
      field(4, time(atMs)),
      field(5, integer(0)),
      field(6, integer(code)),
      field(9, text("R")),
    ),
  );

describe("Kerberos: centres that refuse and lie", () => {
  for (const [title, answer, code, words] of [
    [
      "knows nobody of that name",
      () => refusal(6, Date.now()),
      "Unauthorized",
      /alice@R .*check krbUsername/,
    ],
    [
      "has another key",
      () => refusal(24, Date.now()),
      "Unauthorized",
      /the keytab is older than the password/,
    ],
    [
      "S13: has a clock that is 20 minutes ahead",
      () => refusal(37, Date.now() + 20 * 60_000),
      "Unauthorized",
      /20 minutes behind the key distribution centre's/,
    ],
    ["breaks off", () => undefined, "Transient", /no whole answer/],
    [
      "sends what is no Kerberos",
      () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
      "Transient",
      /not Kerberos'/,
    ],
    ["sends an empty reply", () => der(applicationTag(11), sequence()), "Transient", /not Kerberos'/],
    [
      "sends another message",
      () => der(applicationTag(13), sequence()),
      "Unauthorized",
      /not the one to our request/,
    ],
    ["sends lengths beyond the end", () => hex("6b847fffffff30"), "Transient", /not Kerberos'/],
  ] as const) {
    it(`says so of one that ${title}`, async (t) => {
      const { artifact, context } = await startCentre(t, answer);
      await using driver = await openDriver(artifact, context);

      await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
        assert.match(error.message, words);
        return isExecutorError(error, code);
      });
    });
  }

  it("names the fields that Kerberos needs", async (t) => {
    const { artifact, context } = await startCentre(t, () => undefined);
    for (const field of ["krbUsername", "krbRealm", "krbConfigConfigMap"]) {
      const hdfs = { ...artifact.hdfs, [field]: undefined };
      await assert.rejects(openDriver({ name: "a", hdfs } as typeof artifact, context), (error: Error) => {
        assert.match(error.message, new RegExp(`hdfs\\.${field} is required with Kerberos`));
        return isExecutorError(error, "BadRequest");
      });
    }
  });

  it("survives every cut and flip of a message", () => {
    const whole = refusal(24, Date.now());
    for (let at = 0; at < whole.length; at += 1) {
      for (const bytes of [
        whole.subarray(0, at),
        Buffer.concat([whole.subarray(0, at), hex("ff"), whole.subarray(at + 1)]),
      ]) {
        try {
          readDer(bytes);
        } catch (error) {
          assert.ok(isExecutorError(error, "Transient"));
        }
      }
    }
  });
});
