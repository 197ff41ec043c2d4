import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { startConnectProxy } from "../servers/connect-proxy.ts";

/** A server that speaks first, as ssh's do, and then gives back what it gets, in capitals. */
async function startBanner(t: TestContext): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.write("SSH-2.0-banner\n");
    socket.on("data", (chunk) => socket.write(String(chunk).toUpperCase()));
    socket.on("end", () => socket.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** `argoexec ssh-tunnel` as ssh starts it, with what it is told of the proxy in its environment. */
function startTunnel(host: string, port: number, env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ["cmd/main.ts", "ssh-tunnel", host, String(port)], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

async function converse(tunnel: ChildProcess): Promise<string> {
  tunnel.stdin?.end("hello\n");
  const [said] = await Promise.all([
    text(tunnel.stdout as NodeJS.ReadableStream & AsyncIterable<Buffer>),
    once(tunnel, "exit"),
  ]);
  return said;
}

describe("git: the way of ssh through the proxy", () => {
  it("R30: is a tunnel through the proxy of HTTPS_PROXY, with its credentials, to a name that only it knows", async (t) => {
    const port = await startBanner(t);
    const hosts = new Map([["ssh.outrider.test", "127.0.0.1"]]);
    const proxy = await startConnectProxy(t, { hosts, credentials: "me:proxy-secret" });

    const tunnel = startTunnel("ssh.outrider.test", port, { HTTPS_PROXY: proxy.url });

    assert.equal(await converse(tunnel), "SSH-2.0-banner\nHELLO\n");
    assert.equal(tunnel.exitCode, 0);
    assert.deepEqual(proxy.asked, [`ssh.outrider.test:${port}`]);
  });

  it("is the direct one where NO_PROXY says so, and where the proxy refuses or is not there", async (t) => {
    const port = await startBanner(t);
    const willing = await startConnectProxy(t);
    const refusing = await startConnectProxy(t, { credentials: "me:proxy-secret" });

    for (const env of [
      { HTTPS_PROXY: willing.url, NO_PROXY: "0.0.0.0" },
      { HTTPS_PROXY: `http://${new URL(refusing.url).host}` },
      { https_proxy: "127.0.0.1:1" },
    ] as Record<string, string>[]) {
      // An address of this host that, unlike 127.0.0.1, NO_PROXY has to name.
      assert.equal(await converse(startTunnel("0.0.0.0", port, env)), "SSH-2.0-banner\nHELLO\n");
    }

    assert.deepEqual([...willing.asked, ...refusing.asked], []);
  });

  it("says what failed on either way, and never the proxy's password", async (t) => {
    const refusing = await startConnectProxy(t, { credentials: "me:proxy-secret" });
    const { host } = new URL(refusing.url);
    const tunnel = startTunnel("nowhere.outrider.test", 22, {
      HTTPS_PROXY: `http://me:wrong-secret@${host}`,
    });
    const complaint = text(tunnel.stderr as NodeJS.ReadableStream & AsyncIterable<Buffer>);

    assert.equal(await converse(tunnel), "");

    assert.match(
      await complaint,
      /no way to nowhere\.outrider\.test:22: the proxy answers 407; without the proxy: .*(no such host|name resolution)/,
    );
    assert.doesNotMatch(await complaint, /wrong-secret|\n {4}at /);
    assert.notEqual(tunnel.exitCode, 0);
  });
});
