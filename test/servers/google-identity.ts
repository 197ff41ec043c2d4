import { type KeyObject, randomBytes, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** Google's token server, metadata server, STS and impersonation in one, and the list of tokens that are good. */
export interface GoogleIdentity extends AsyncDisposable {
  /** `http://HOST:PORT`. */
  readonly url: string;
  readonly endpoint: string;
  /** The service account whose key is known. */
  readonly account: string;
  /** What was asked, by path. */
  readonly asked: string[];
  accepts(authorization: string | undefined): boolean;
  /** No token that was given out is good any more. */
  revokeAll(): void;
  /** Seconds that tokens are good for; default 3600. */
  lifeSeconds: number;
  /** How much the server's clock is ahead. */
  clockOffsetMs: number;
}

export async function startGoogleIdentity({
  publicKey,
  subjectToken = "pod-token",
}: {
  readonly publicKey: KeyObject;
  readonly subjectToken?: string;
}): Promise<GoogleIdentity> {
  const good = new Set<string>();
  const asked: string[] = [];
  const account = "executor@project.iam.gserviceaccount.com";
  const state = { lifeSeconds: 3600, clockOffsetMs: 0 };
  const give = () => {
    const token = `ya29.${randomBytes(12).toString("hex")}`;
    good.add(token);
    return { access_token: token, expires_in: state.lifeSeconds, token_type: "Bearer" };
  };

  const answer = async (message: IncomingMessage): Promise<object | undefined> => {
    const { pathname } = new URL(message.url ?? "", "http://x");
    asked.push(pathname);
    const text = Buffer.concat(await message.toArray()).toString();
    if (pathname.startsWith("/computeMetadata/")) {
      return message.headers["metadata-flavor"] === "Google" ? give() : undefined;
    }
    if (pathname.startsWith("/impersonate")) {
      if (!good.has(String(message.headers.authorization).replace("Bearer ", ""))) return undefined;
      return { accessToken: give().access_token, expireTime: new Date(Date.now() + 3_600_000).toISOString() };
    }
    const form = new URLSearchParams(text);
    if (pathname === "/sts") {
      return form.get("subject_token") === subjectToken &&
        form.get("grant_type") === "urn:ietf:params:oauth:grant-type:token-exchange"
        ? give()
        : undefined;
    }
    const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    if (
      !verify(
        "RSA-SHA256",
        Buffer.from(`${header}.${claims}`),
        publicKey,
        Buffer.from(signature, "base64url"),
      )
    )
      return undefined;
    const { iss, aud, exp, iat } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<
      string,
      unknown
    >;
    const nowSeconds = (Date.now() + state.clockOffsetMs) / 1000;
    const isGood =
      iss === account &&
      String(aud).endsWith("/token") &&
      Number(exp) > nowSeconds &&
      Number(iat) < nowSeconds + 60 &&
      Number(iat) > nowSeconds - 600;
    return isGood ? give() : undefined;
  };

  const server = createServer((message, response) => {
    response.setHeader("date", new Date(Date.now() + state.clockOffsetMs).toUTCString());
    void answer(message)
      .catch(() => undefined)
      .then((value) => {
        const text = JSON.stringify(value ?? { error: "invalid_grant", error_description: "not you" });
        response.writeHead(value === undefined ? 400 : 200, { "content-type": "application/json" }).end(text);
      });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    url: `http://${endpoint}`,
    account,
    asked,
    accepts: (authorization) => good.has((authorization ?? "").replace(/^Bearer /, "")),
    revokeAll: () => good.clear(),
    get lifeSeconds() {
      return state.lifeSeconds;
    },
    set lifeSeconds(seconds) {
      state.lifeSeconds = seconds;
    },
    get clockOffsetMs() {
      return state.clockOffsetMs;
    },
    set clockOffsetMs(ms) {
      state.clockOffsetMs = ms;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
