import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import type { ArtifactLocation } from "../../src/template/index.ts";
import { startFileServer } from "../drivers/file-server.ts";
import { account, accountKey, startAzurite } from "../servers/azurite.ts";
import { startGcsServer } from "../servers/gcs-server.ts";
import { shell, startPod, storedKeys } from "./desk.ts";

const lines = 250_000;
const whole = Array.from({ length: lines }, (_, index) => `${String(index + 1).padStart(8, "0")}\n`).join("");
const printing = (limit: string, count = lines) =>
  shell(`seq -f %08.0f ${count}`, {
    container: { resources: { limits: { "ephemeral-storage": limit } } },
  });

interface Store {
  readonly repository: ArtifactLocation;
  readonly executorEnv?: Readonly<Record<string, string>>;
  /** What is stored, by key. */
  contents(): Promise<ReadonlyMap<string, Buffer>>;
}

async function gcs(t: TestContext): Promise<Store> {
  const server = await startGcsServer();
  t.after(() => server[Symbol.asyncDispose]());
  server.createBucket("logs");
  return {
    repository: { gcs: { bucket: "logs" } },
    executorEnv: { STORAGE_EMULATOR_HOST: server.endpoint },
    contents: async () => new Map([...server.objects("logs")].map(([key, { content }]) => [key, content])),
  };
}

async function azure(t: TestContext): Promise<Store> {
  const server = await startAzurite();
  t.after(() => server[Symbol.asyncDispose]());
  const endpoint = `http://${server.endpoint}/${account}`;
  const client = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, accountKey));
  const container = client.getContainerClient("logs");
  await container.create();
  return {
    repository: {
      azure: { endpoint, container: "logs", accountKeySecret: { name: "other-stores", key: "azure" } },
    },
    contents: async () => {
      const found = new Map<string, Buffer>();
      for await (const { name } of container.listBlobsFlat())
        found.set(name, await container.getBlobClient(name).downloadToBuffer());
      return found;
    },
  };
}

async function artifactory(t: TestContext, refused?: string) {
  const server = await startFileServer(t);
  server.intercept(({ method }, response) => {
    if (method !== refused) return false;
    response.writeHead(403).end("not allowed");
    return true;
  });
  const store: Store = {
    repository: {
      artifactory: {
        url: `${server.url}/artifactory/logs`,
        usernameSecret: { name: "other-stores", key: "username" },
        passwordSecret: { name: "other-stores", key: "password" },
      },
    },
    contents: async () => server.files,
  };
  return { server, store };
}

const isPart = (key: string) => /main\.log\.from-\d+$/.test(key);

describe("the log of a step that prints more than its share", { concurrency: 2 }, () => {
  const stores: Record<string, (t: TestContext) => Promise<Store>> = {
    GCS: gcs,
    Azure: azure,
    Artifactory: async (t) => (await artifactory(t)).store,
  };
  for (const [name, start] of Object.entries(stores)) {
    it(`R32: is saved whole to ${name}, and nothing but the log is left there`, async (t) => {
      const { contents, ...store } = await start(t);

      const pod = await startPod(t, printing("4Mi"), store);

      assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
      const parts = new Set(pod.log("wait").match(/main\.log\.from-\d+/g));
      assert.ok(parts.size > 1, `${parts.size} parts were taken to the store while the step ran`);
      const [[key, log] = ["", Buffer.alloc(0)], ...others] = [...(await contents())];
      assert.match(key, /main\.log$/);
      assert.ok(log.equals(Buffer.from(whole)), `${log.length} bytes are not what the step printed`);
      assert.deepEqual(others, []);
    });
  }

  it("R32: is cut as before in an Artifactory that lets nobody delete, and no part of the log is left there", async (t) => {
    const { server, store } = await artifactory(t, "DELETE");

    const pod = await startPod(t, printing("4Mi"), store);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const [[, log] = ["", Buffer.alloc(0)]] = [...server.files].filter(([key]) => key.endsWith("main.log"));
    assert.match(log.toString(), /^argoexec: the first \d+ bytes of this log were left out/);
    assert.match(pod.log("wait"), /can no longer be taken to the store while the step runs/);
    const left = [...server.files].filter(([key]) => isPart(key));
    assert.deepEqual(
      left.map(([, content]) => content.toString()),
      ["\n"],
      "what was asked with",
    );
  });

  it("R32: is saved from where it can be read when the store sends more, without end, than was stored", async (t) => {
    const { server, store } = await artifactory(t);
    server.intercept(({ method, path }, response) => {
      if (method !== "GET" || !isPart(path)) return false;
      const block = Buffer.alloc(65_536, "x");
      const send = () => {
        while (!response.destroyed && response.write(block));
      };
      response.writeHead(200).on("drain", send);
      send();
      return true;
    });

    const pod = await startPod(t, printing("4Mi"), store);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const [[, log] = ["", Buffer.alloc(0)]] = [...server.files].filter(([key]) => key.endsWith("main.log"));
    const [notice = "", first] =
      /^argoexec: the first (\d+) bytes of this log could not be read back .*\n/.exec(log.toString()) ?? [];
    assert.equal(log.toString().slice(notice.length), whole.slice(Number(first)));
    assert.ok([...server.files.keys()].some(isPart), "what could not be read back stays");
  });

  it("R32: is saved whole however small the share is", async (t) => {
    const count = 60_000;

    const pod = await startPod(t, printing("256Ki", count));

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.ok((await pod.stored("main-logs")).equals(Buffer.from(whole.slice(0, 9 * count))));
    const parts = pod.servers.store.requests.filter(
      ({ method, key }) => method === "PUT" && isPart(key ?? ""),
    );
    assert.ok(parts.length > 4, `${parts.length} parts`);
    assert.deepEqual((await storedKeys(pod.servers)).filter(isPart), []);
  });
});
