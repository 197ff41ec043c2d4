import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

/**
 * What the hosts publish: docs.github.com "GitHub's SSH key fingerprints", docs.gitlab.com "SSH host keys fingerprints",
 * support.atlassian.com "Configure SSH and two-step verification", and the SSH settings of Azure DevOps.
 */
const published: Readonly<Record<string, readonly string[]>> = {
  "github.com": [
    "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
    "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
  ],
  "gitlab.com": [
    "eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
    "HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
    "ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ",
  ],
  "bitbucket.org": [
    "ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM",
    "FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0",
    "46OSHA1Rmj8E8ERTC6xkNcmGOw9oFxYr0WF6zWW8l1E",
  ],
  "ssh.dev.azure.com": ["ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og"],
  "vs-ssh.visualstudio.com": ["ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og"],
};

describe("the host keys that the image brings along", () => {
  it("are those whose fingerprints the hosts publish, and no others", () => {
    const found: Record<string, string[]> = {};
    const lines = readFileSync("scripts/ssh_known_hosts", "utf8").split("\n");
    for (const line of lines) {
      if (line === "" || line.startsWith("#")) continue;
      const [hosts = "", , key = ""] = line.split(" ");
      const fingerprint = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
      for (const host of hosts.split(",")) {
        found[host] ??= [];
        found[host].push(fingerprint.replace(/=+$/, ""));
      }
    }

    for (const fingerprints of Object.values(found)) fingerprints.sort();
    const expected = Object.entries(published).map(([host, keys]) => [host, [...keys].sort()]);
    assert.deepEqual(found, Object.fromEntries(expected));
  });
});
