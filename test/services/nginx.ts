import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { type Certificate, issuedCertificate, selfSignedCertificate } from "../servers/api-server/index.ts";
import { freePort, untilItListens } from "./programs.ts";

const program = "/usr/sbin/nginx";

export const withoutNginx = existsSync(program)
  ? false
  : "nginx is not installed (Debian package nginx-light)";

export interface Nginx {
  /** `/basic/` wants user and password, `/oauth2/` a token; both keep what is PUT. */
  readonly url: string;
  /** A server that wants a client certificate. */
  readonly certificateUrl: string;
  /** What the server proves itself with, and who vouches for it and for clients. */
  readonly caPem: string;
  readonly client: Certificate;
  readonly user: { readonly name: string; readonly password: string };
}

/** nginx with TLS on free ports; tokens are checked by asking `tokenCheck` (a URL) with the same headers. */
export async function startNginx(t: TestContext, tokenCheck = "http://127.0.0.1:1/"): Promise<Nginx> {
  const folder = await temporaryFolder(t);
  const own = selfSignedCertificate();
  const clients = selfSignedCertificate();
  const user = { name: "user", password: "basic-secret" };
  const hash = execFileSync("openssl", ["passwd", "-apr1", user.password], { encoding: "utf8" });
  const [port, certificatePort] = [await freePort(), await freePort()];
  for (const name of ["files", "files/basic", "files/oauth2", "temporary"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "users"), `${user.name}:${hash}`);
  writeFileSync(join(folder, "cert.pem"), own.cert);
  writeFileSync(join(folder, "key.pem"), own.key);
  writeFileSync(join(folder, "clients.pem"), clients.cert);
  const store = `
      dav_methods PUT; create_full_put_path on; client_body_temp_path ${folder}/temporary;`;
  const server = (number: number) => `
    listen 127.0.0.1:${number} ssl; root ${folder}/files;
    ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;`;
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} worker_processes 1;
error_log ${folder}/error.log; pid ${folder}/pid;
events { worker_connections 256; }
http {
  access_log off; client_max_body_size 0; default_type application/octet-stream;
  proxy_temp_path ${folder}/temporary; fastcgi_temp_path ${folder}/temporary;
  uwsgi_temp_path ${folder}/temporary; scgi_temp_path ${folder}/temporary;
  server {${server(port)}
    location /basic/ { auth_basic files; auth_basic_user_file ${folder}/users; ${store} }
    location /oauth2/ { auth_request /check; ${store} }
    location = /check {
      internal; proxy_pass ${tokenCheck}; proxy_pass_request_body off; proxy_set_header content-length "";
    }
  }
  server {${server(certificatePort)}
    ssl_client_certificate ${folder}/clients.pem; ssl_verify_client on;
    location / { ${store} }
  }
}
`,
  );
  const nginx = spawn(program, ["-c", join(folder, "nginx.conf"), "-p", folder], { stdio: "ignore" });
  t.after(async () => {
    if (nginx.exitCode !== null) return;
    const ended = once(nginx, "exit");
    nginx.kill("SIGTERM");
    await ended;
  });
  await untilItListens(certificatePort);
  return {
    url: `https://127.0.0.1:${port}`,
    certificateUrl: `https://127.0.0.1:${certificatePort}`,
    caPem: own.cert,
    client: issuedCertificate(clients, ["client"]),
    user,
  };
}
