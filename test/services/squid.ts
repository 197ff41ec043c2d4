import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProxyUnderTest } from "../drivers/one-setting.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { freePort, untilItListens } from "./programs.ts";

const program = "/usr/sbin/squid";
const authenticator = "/usr/lib/squid/basic_ncsa_auth";

export const withoutSquid =
  existsSync(program) && existsSync(authenticator) ? false : "squid is not installed (Debian package squid)";

/** Squid on a free port, which asks for a password and knows the given names. */
export async function startSquid(
  t: TestContext,
  hosts: ReadonlyMap<string, string>,
): Promise<ProxyUnderTest> {
  const folder = await temporaryFolder(t);
  // Started by root, it becomes a user of its own.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const password = execFileSync("openssl", ["passwd", "-apr1", "proxy-secret"], { encoding: "utf8" });
  writeFileSync(join(folder, "users"), `user:${password}`);
  writeFileSync(join(folder, "hosts"), [...hosts].map(([name, to]) => `${to} ${name}\n`).join(""));
  const lines = [
    `http_port 127.0.0.1:${port}`,
    `hosts_file ${folder}/hosts`,
    `access_log stdio:${folder}/access.log squid`,
    `cache_log ${folder}/cache.log`,
    `coredump_dir ${folder}`,
    "pid_filename none",
    "pinger_enable off",
    "cache deny all",
    "shutdown_lifetime 0 seconds",
    "visible_hostname proxy.outrider.test",
    `auth_param basic program ${authenticator} ${folder}/users`,
    "auth_param basic children 1",
    "acl known proxy_auth REQUIRED",
    "http_access allow known",
    "http_access deny all",
  ];
  writeFileSync(join(folder, "squid.conf"), `${lines.join("\n")}\n`);
  const squid = spawn(program, ["-N", "-f", join(folder, "squid.conf")], { stdio: "ignore" });
  t.after(async () => {
    if (squid.exitCode !== null) return;
    const ended = once(squid, "exit");
    squid.kill("SIGKILL");
    await ended;
  });
  await untilItListens(port);
  /** Squid writes a line when a tunnel ends. */
  const passed = () => {
    const log = join(folder, "access.log");
    if (!existsSync(log)) return new Set<string>();
    const lines = readFileSync(log, "utf8").split("\n");
    const places = lines.flatMap((line) => {
      const [, , , outcome = "", , , place = ""] = line.split(/ +/);
      if (!/\/2\d\d$/.test(outcome)) return [];
      return [place.includes("://") ? new URL(place).host : place];
    });
    return new Set(places);
  };
  return {
    url: `http://user:proxy-secret@127.0.0.1:${port}`,
    async expectPassed(places) {
      const expected = new Set(places);
      for (let tries = 0; tries < 100 && passed().size < expected.size; tries += 1) await sleep(100);
      assert.deepEqual(passed(), expected);
    },
  };
}
