import { installDebianPackages } from "../../scripts/debian-packages.ts";

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
export function installServices(say: (text: string) => void): void {
  installDebianPackages(packages, say);
}
