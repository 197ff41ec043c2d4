import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * A program of each package of Debian that the suites meet: web server, proxy, Kerberos' key
 * distribution centre, ssh's server, LFS, browser, databases.
 */
const packages = {
  "nginx-light": "/usr/sbin/nginx",
  squid: "/usr/sbin/squid",
  "krb5-kdc": "/usr/sbin/krb5kdc",
  "krb5-admin-server": "/usr/sbin/kadmin.local",
  "krb5-user": "/usr/bin/kinit",
  openssl: "/usr/bin/openssl",
  "openssh-server": "/usr/sbin/sshd",
  "git-lfs": "/usr/bin/git-lfs",
  chromium: "/usr/bin/chromium",
  postgresql: "/usr/lib/postgresql",
  "mariadb-server": "/usr/sbin/mariadbd",
};

/** Installs what is missing, where that can be done; what stays missing, its tests name. */
export function installDebianPackages(say: (text: string) => void): void {
  const missing = Object.entries(packages).flatMap(([name, path]) => (existsSync(path) ? [] : [name]));
  if (missing.length === 0 || process.getuid?.() !== 0) return;
  if (spawnSync("apt-get", ["--version"]).error) return;
  say(`installing ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = (...args: readonly string[]) => spawnSync("apt-get", args, { env, stdio: "ignore" });
  run("update");
  // One by one: a package that cannot be had is no reason to go without the others.
  for (const name of missing) run("install", "-y", "--no-install-recommends", name);
}
