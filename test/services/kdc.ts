import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, untilItListens } from "./programs.ts";

const programs = ["/usr/sbin/krb5kdc", "/usr/sbin/kdb5_util", "/usr/sbin/kadmin.local", "/usr/bin/kinit"];

export const withoutKdc = programs.every((each) => existsSync(each))
  ? false
  : "MIT's Kerberos is not installed (Debian packages krb5-kdc, krb5-admin-server, krb5-user)";

/** MIT's key distribution centre for a realm of its own. */
export interface Kdc extends AsyncDisposable {
  readonly realm: string;
  /** A krb5.conf that leads to it, and its path. */
  readonly configuration: string;
  readonly configurationFile: string;
  /** Makes principals and resolves to a keytab with the keys of all of them, of the given types. */
  addPrincipals(names: readonly string[], types?: string): string;
  /** A credential cache with a ticket for the first key of a keytab. */
  logIn(principal: string, keytab: string): Buffer;
}

export async function startKdc(): Promise<Kdc> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-kdc-"));
  const realm = "OUTRIDER.TEST";
  const port = await freePort();
  const configuration = `[libdefaults]
  default_realm = ${realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  rdns = false
  udp_preference_limit = 1
[realms]
  ${realm} = {
    kdc = 127.0.0.1:${port}
  }
[domain_realm]
  localhost = ${realm}
`;
  const settings = `[kdcdefaults]
  kdc_listen = 127.0.0.1:${port}
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  ${realm} = {
    database_name = ${folder}/principal
    key_stash_file = ${folder}/stash
    acl_file = ${folder}/acl
    max_life = 10h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }
[logging]
  kdc = FILE:${folder}/kdc.log
`;
  const configurationFile = join(folder, "krb5.conf");
  writeFileSync(configurationFile, configuration);
  writeFileSync(join(folder, "kdc.conf"), settings);
  const env = {
    ...process.env,
    KRB5_CONFIG: configurationFile,
    KRB5_KDC_PROFILE: join(folder, "kdc.conf"),
  };
  const run = (program: string, ...args: readonly string[]) =>
    execFileSync(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  run("/usr/sbin/kdb5_util", "create", "-s", "-r", realm, "-P", "master");
  const kdc = spawn("/usr/sbin/krb5kdc", ["-n"], { env, stdio: "ignore" });
  await untilItListens(port);
  let keytabs = 0;
  return {
    realm,
    configuration,
    configurationFile,
    addPrincipals(names, types = "aes256-cts-hmac-sha1-96:normal,aes128-cts-hmac-sha1-96:normal") {
      keytabs += 1;
      const keytab = join(folder, `keytab-${keytabs}`);
      const admin = (command: string) => run("/usr/sbin/kadmin.local", "-r", realm, "-q", command);
      for (const name of names) {
        admin(`addprinc -randkey -e ${types} ${name}`);
        admin(`ktadd -norandkey -k ${keytab} ${name}`);
      }
      return keytab;
    },
    logIn(principal, keytab) {
      const cache = join(folder, "ccache");
      run("/usr/bin/kinit", "-k", "-t", keytab, "-c", `FILE:${cache}`, principal);
      return readFileSync(cache);
    },
    async [Symbol.asyncDispose]() {
      const ended = once(kdc, "exit");
      kdc.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
