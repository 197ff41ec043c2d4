import { type HttpClient, type HttpRequest, payloadOf } from "../../../http/index.ts";

/** The SDK's clients ask several services in turn, some of which have no limits of their own. */
const answerTimeoutMs = 60_000;

/** What the SDK's clients send with: ours, which knows the proxies, the roots and a deadline for every answer. */
export function requestHandler(http: HttpClient) {
  return {
    async handle(request: SdkRequest, { abortSignal }: { readonly abortSignal?: AbortSignal } = {}) {
      const { protocol, hostname, port, method, path, query = {}, headers, body } = request;
      const search = Object.entries(query).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value ?? ""]).map((each) => `${encode(name)}=${encode(each)}`),
      );
      const payload = body === undefined || body === "" ? undefined : payloadOf(Buffer.from(body));
      const sent: HttpRequest = {
        method,
        origin: `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`,
        path: search.length === 0 ? path : `${path}?${search.join("&")}`,
        headers,
        payload,
      };
      const limit = AbortSignal.timeout(answerTimeoutMs);
      const signal = abortSignal instanceof AbortSignal ? AbortSignal.any([abortSignal, limit]) : limit;
      const { status, headers: fields, body: stream } = await http.request(sent, signal);
      const single = Object.entries(fields).map(([name, value]) => [name, String(value)]);
      return { response: { statusCode: status, headers: Object.fromEntries(single), body: stream } };
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
}

interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
