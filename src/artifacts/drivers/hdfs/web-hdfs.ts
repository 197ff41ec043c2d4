import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import {
  discardBody,
  type HttpClient,
  type HttpResponse,
  type Payload,
  readBody,
  readText,
} from "../../../http/index.ts";
import { parseRetryAfter, type RetryPolicy, retry } from "../../../retry/index.ts";
import type { ByteRange } from "../../../streams/index.ts";
import { ActiveFirst } from "./active-first.ts";
import type { HdfsConfig } from "./config.ts";
import type { Candidate } from "./either-hdfs.ts";
import { remoteError } from "./errors.ts";
import { expectNext, type FileStatus, isDone, notForward } from "./files.ts";
import type { KerberosClient } from "./kerberos/index.ts";

type Parameters = Readonly<Record<string, string>>;

const stallTimeoutMs = 60_000;
const answerBytesMax = 64 * 1024 * 1024;
const prefix = "/webhdfs/v1";

/** WebHDFS (https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html) of one cluster. */
export class WebHdfs implements Candidate {
  readonly #config: HdfsConfig;
  readonly #http: HttpClient;
  readonly policy: RetryPolicy;
  /** By their origins. */
  readonly #nameNodes: ActiveFirst<string>;
  readonly #kerberos: KerberosClient | undefined;

  constructor(
    config: HdfsConfig,
    http: HttpClient,
    policy: RetryPolicy,
    kerberos: KerberosClient | undefined = undefined,
  ) {
    this.#kerberos = kerberos;
    this.#config = config;
    this.#nameNodes = new ActiveFirst(config.origins);
    this.#http = http;
    this.policy = policy;
  }

  get name(): string {
    return `WebHDFS at ${this.#config.origins.join(", ")}`;
  }

  async probe(signal: AbortSignal): Promise<void> {
    const during = "look for WebHDFS";
    const { body } = await this.#ask("GET", "/", { op: "GETFILESTATUS" }, signal);
    await discardBody(body, { during, stallTimeoutMs });
  }

  async status(path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
    try {
      const answer = await this.#call("GET", path, { op: "GETFILESTATUS" }, signal);
      return readStatus(fieldOf(answer, "FileStatus"), `stat ${path}`);
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async *entries(path: string, signal: AbortSignal): AsyncGenerator<readonly [string, FileStatus]> {
    const during = `list ${path}`;
    for (let startAfter = ""; ; ) {
      const answer = await this.#call("GET", path, { op: "LISTSTATUS_BATCH", startAfter }, signal);
      const listing = fieldOf(answer, "DirectoryListing");
      const statuses = fieldOf(fieldOf(fieldOf(listing, "partialListing"), "FileStatuses"), "FileStatus");
      const remaining = fieldOf(listing, "remainingEntries");
      if (!Array.isArray(statuses) || typeof remaining !== "number") throw noWebHdfs(during);
      for (const status of statuses) {
        const name = fieldOf(status, "pathSuffix");
        if (typeof name !== "string") throw noWebHdfs(during);
        expectNext(name, startAfter, during);
        startAfter = name;
        yield [name, readStatus(status, during)];
      }
      if (remaining <= 0) return;
      if (statuses.length === 0) throw notForward(during);
    }
  }

  /** An operation that the name node answers itself; resolves with its JSON, undefined for none. */
  async #call(method: string, path: string, parameters: Parameters, signal: AbortSignal): Promise<unknown> {
    const during = describe(parameters, path);
    const attempt = async () => {
      const response = await this.#ask(method, path, parameters, signal);
      const text = await readText(response.body, answerBytesMax, { during, stallTimeoutMs });
      if (text === "") return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw noWebHdfs(during);
      }
    };
    return await retry(this.policy, attempt, signal);
  }

  async makeFolder(path: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#call("PUT", path, { op: "MKDIRS", permission: "777" }, signal);
    return fieldOf(answer, "boolean") === true;
  }

  async rename(from: string, to: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#call("PUT", from, { op: "RENAME", destination: to }, signal);
    return fieldOf(answer, "boolean") === true;
  }

  async replace(from: string, to: string, signal: AbortSignal): Promise<boolean> {
    const parameters = { op: "RENAME", destination: to, renameoptions: "OVERWRITE" };
    return await isDone(async () => {
      const answer = await this.#call("PUT", from, parameters, signal);
      // HttpFS does not know the option, renames as ever, and says whether it did.
      return fieldOf(answer, "boolean") !== false;
    });
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#call("DELETE", path, { op: "DELETE", recursive: "true" }, signal);
  }

  async removeAlone(path: string, signal: AbortSignal): Promise<boolean> {
    return await isDone(async () => {
      await this.#call("DELETE", path, { op: "DELETE", recursive: "false" }, signal);
      return true;
    });
  }

  async setModified(path: string, modifiedMs: number, signal: AbortSignal): Promise<void> {
    await this.#call("PUT", path, { op: "SETTIMES", modificationtime: String(modifiedMs) }, signal);
  }

  async *read(
    path: string,
    { offset, length }: ByteRange,
    _status: FileStatus,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const parameters = { op: "OPEN", offset: String(offset), length: String(length) };
    const during = describe(parameters, path);
    const first = await this.#ask("GET", path, parameters, signal);
    const response = await this.#follow(first, "GET", undefined, during, signal);
    const announced = response.headers["content-length"];
    if (announced !== undefined && Number(announced) !== length) {
      response.body.destroy();
      const text = `${during}: the data node sends another length than the name node says`;
      throw new ExecutorError("Corrupt", text);
    }
    yield* readBody(response.body, { during, stallTimeoutMs });
  }

  async write(path: string, payload: Payload, signal: AbortSignal): Promise<void> {
    const parameters = { op: "CREATE", overwrite: "true", permission: "644" };
    const during = describe(parameters, path);
    const first = await retry(this.policy, () => this.#ask("PUT", path, parameters, signal), signal);
    if (first.status !== 307) {
      first.body.destroy();
      throw noWebHdfs(during);
    }
    const response = await this.#follow(first, "PUT", payload, during, signal);
    await discardBody(response.body, { during, stallTimeoutMs });
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  /** Asks one name node after the other, beginning with the one that answered last. */
  async #ask(
    method: string,
    path: string,
    parameters: Parameters,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const { user } = this.#config;
    const during = describe(parameters, path);
    const query = new URLSearchParams({ ...parameters, ...(user !== undefined && { "user.name": user }) });
    const target = `${prefix}${path.split("/").map(encodeURIComponent).join("/")}?${query}`;
    return await this.#nameNodes.ask(async (origin) => {
      const headers = {
        host: new URL(origin).host,
        "user-agent": "outrider",
        ...(await this.#proofFor(origin, signal)),
        ...(method === "GET" ? {} : { "content-length": "0" }),
      };
      const response = await this.#http.request({ method, origin, path: target, headers }, signal);
      return await expectSuccess(response, during);
    });
  }

  async #proofFor(origin: string, signal: AbortSignal): Promise<Record<string, string>> {
    if (this.#kerberos === undefined) return {};
    return { authorization: await this.#kerberos.authorization(new URL(origin).hostname, signal) };
  }

  /** Goes where the name node sends us, once or, through a gateway, twice; never from TLS to plain http. */
  async #follow(
    first: HttpResponse,
    method: string,
    payload: Payload | undefined,
    during: string,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    let response = first;
    const nameNode = this.#nameNodes.active ?? "";
    let from = new URL(nameNode);
    for (let hops = 0; response.status === 307; hops += 1) {
      const { location = "" } = response.headers;
      await discardBody(response.body, { during, stallTimeoutMs });
      const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
      const isGood = target?.pathname.startsWith(`${prefix}/`) && hops < 2;
      const isKept =
        target?.protocol === "https:" || (target?.protocol === "http:" && from.protocol === "http:");
      if (!isGood || !isKept)
        throw new ExecutorError(
          "BadRequest",
          `${during}: the name node sends us to an address that is no data node's`,
        );
      const length = payload?.sizeBytes;
      const headers = {
        host: target.host,
        "user-agent": "outrider",
        // A gateway asks itself again; a data node believes the token in the address.
        ...(target.origin === new URL(nameNode).origin && (await this.#proofFor(nameNode, signal))),
        ...(payload && { "content-type": "application/octet-stream" }),
        ...(length !== undefined && { "content-length": String(length) }),
      };
      const path = target.pathname + target.search;
      const answer = await this.#http.request(
        { method, origin: target.origin, path, headers, payload },
        signal,
      );
      response = await expectSuccess(answer, during);
      from = target;
    }
    return response;
  }
}

async function expectSuccess(response: HttpResponse, during: string): Promise<HttpResponse> {
  const { status, body, headers } = response;
  if ((status >= 200 && status <= 299) || status === 307) return response;
  const text = await readText(body, 1024 * 1024, { during, stallTimeoutMs });
  const retryAfterMs = parseRetryAfter(headers["retry-after"]);
  throw remoteError({ status, body: text, retryAfterMs }, during);
}

function readStatus(value: unknown, during: string): FileStatus {
  const [type, length, modified] = ["type", "length", "modificationTime"].map((name) => fieldOf(value, name));
  const isKnown = type === "FILE" || type === "DIRECTORY";
  if (!isKnown || !Number.isSafeInteger(length) || (length as number) < 0) throw noWebHdfs(during);
  return { isDirectory: type === "DIRECTORY", sizeBytes: length as number, modifiedMs: Number(modified) };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function noWebHdfs(during: string): ExecutorError {
  return new ExecutorError("BadRequest", `${during}: the answer is not WebHDFS'; check hdfs.addresses`);
}

function describe({ op = "" }: Parameters, path: string): string {
  const verbs: Readonly<Record<string, string>> = {
    GETFILESTATUS: "stat",
    OPEN: "open",
    CREATE: "create",
    LISTSTATUS_BATCH: "list",
  };
  return `${verbs[op] ?? op.toLowerCase()} ${path}`;
}
