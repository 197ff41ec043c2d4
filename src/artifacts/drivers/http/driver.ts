import { pipeline, type Readable } from "node:stream";
import { ExecutorError, errorText } from "../../../errors/index.ts";
import { HttpClient, type HttpResponse } from "../../../http/index.ts";
import { retry } from "../../../retry/index.ts";
import { byteStream, type FileContent } from "../../../streams/index.ts";
import type { Artifact, ArtifactoryLocation, HttpLocation } from "../../../template/index.ts";
import { countInSpan, noteTransfer } from "../../../tracing/index.ts";
import type { Channel } from "../../../transfer/index.ts";
import type { ArtifactDriver, DriverContext, StoredArtifact } from "../../driver.ts";
import { unsupportedDeletion, unsupportedListing } from "../../unsupported.ts";
import { type HttpConfig, readArtifactoryConfig, readHttpConfig, redact } from "./config.ts";
import { resumableBody } from "./download.ts";
import { loadError, statusError } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import { openTokens } from "./oauth2.ts";
import { uploadPayload } from "./upload-payload.ts";

const remedies = { Untrusted: "add the issuing CA with SSL_CERT_FILE on the executor" };

/** Files on any web server: GET and PUT of a URL (docs/contract/artifacts.md#5.6). */
export async function openHttpDriver(
  location: HttpLocation,
  context: DriverContext,
): Promise<ArtifactDriver> {
  return new HttpDriver(await readHttpConfig(location, context), context);
}

/** Artifactory is a web server with Basic authentication (docs/contract/artifacts.md#5.7). */
export async function openArtifactoryDriver(
  location: ArtifactoryLocation,
  context: DriverContext,
): Promise<ArtifactDriver> {
  return new HttpDriver(await readArtifactoryConfig(location, context), context);
}

class HttpDriver implements ArtifactDriver {
  readonly delete = unsupportedDeletion.delete;
  readonly deleteMany = unsupportedDeletion.deleteMany;
  readonly list = unsupportedListing;
  readonly withdraw?: NonNullable<ArtifactDriver["withdraw"]>;
  readonly #config: HttpConfig;
  readonly #http: HttpClient;
  readonly #exchange: Exchange;
  readonly #channel: Channel;

  constructor(config: HttpConfig, { settings, transfers, log }: DriverContext) {
    this.#config = config;
    const { caPem, proxy } = settings;
    const tokenClient = new HttpClient({ caPem, proxy, remedies });
    // A client certificate is meant for the server itself: such requests pass no proxy (docs/contract/artifacts.md#4).
    this.#http =
      config.clientCert === undefined
        ? tokenClient
        : new HttpClient({ caPem, clientCert: config.clientCert, remedies });
    const tokens = config.oauth2 === undefined ? undefined : openTokens(config.oauth2, tokenClient);
    this.#exchange = new Exchange(config, this.#http, tokens);
    this.#channel = transfers.channel(new URL(config.url).host, log);
    // To any other server a DELETE may mean anything.
    if (config.type === "artifactory")
      this.withdraw = (artifacts, signal) => this.#withdraw(artifacts, signal);
  }

  /** Begins the download: only the answer to a GET tells what there is. */
  async open(artifact: Artifact, signal: AbortSignal): Promise<StoredArtifact> {
    const url = this.#urlOf(artifact);
    let begun: HttpResponse | undefined = await this.#begin(url, signal);
    const isEncoded = this.#isGzip(begun);
    const length = begun.headers["content-length"];
    const openStream = () => {
      const first = begun;
      begun = undefined;
      return this.#read(url, first, signal);
    };
    return {
      kind: "file",
      sizeBytes: isEncoded || length === undefined ? undefined : Number(length),
      openStream,
    };
  }

  async saveFile(artifact: Artifact, content: FileContent, signal: AbortSignal): Promise<void> {
    const url = this.#urlOf(artifact);
    const what = `saving file ${content.name} to ${redact(url)}`;
    const payload = await uploadPayload(content, signal);
    let tries = 0;
    const attempt = async () => {
      tries += 1;
      if (tries > 1 && !content.replayable) {
        throw new ExecutorError(
          "Unsupported",
          `${what} broke off, and the content cannot be read a second time`,
        );
      }
      const response = await this.#exchange.put(url, payload, content.replayable, signal);
      response.body.resume();
      if (response.status < 200 || response.status > 299) throw statusError(what, response);
    };
    await retry(this.#channel.policy, attempt, signal, { onRetry });
    noteTransfer(payload.sizeBytes ?? 0);
  }

  async saveTree(artifact: Artifact): Promise<void> {
    const url = redact(this.#urlOf(artifact));
    const text = `Put "${url}": read ${artifact.path ?? artifact.name}: is a directory; store it with archive: tar`;
    throw new ExecutorError("Unsupported", text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http[Symbol.dispose]();
  }

  async #withdraw(
    artifacts: readonly Artifact[],
    signal: AbortSignal,
  ): Promise<readonly (Error | undefined)[]> {
    const outcomes: (Error | undefined)[] = [];
    for (const artifact of artifacts) {
      const url = this.#urlOf(artifact);
      const attempt = async () => {
        const response = await this.#exchange.delete(url, signal);
        response.body.resume();
        const isGone = (response.status >= 200 && response.status <= 299) || response.status === 404;
        if (!isGone) throw statusError(`deleting ${redact(url)}`, response);
      };
      outcomes.push(
        await retry(this.#channel.policy, attempt, signal, { onRetry }).then(
          () => undefined,
          (error) => ExecutorError.wrap(error, "a part could not be deleted"),
        ),
      );
      signal.throwIfAborted();
    }
    return outcomes;
  }

  async #begin(url: string, signal: AbortSignal): Promise<HttpResponse> {
    const encoding: Record<string, string> = this.#exchange.choosesEncoding
      ? {}
      : { "accept-encoding": "gzip" };
    const attempt = async () => {
      const response = await this.#exchange.get(url, encoding, signal);
      if (response.status >= 200 && response.status <= 299) return response;
      response.body.destroy();
      throw loadError("loading content from URL", response);
    };
    return await retry(this.#channel.policy, attempt, signal, { onRetry });
  }

  #read(url: string, begun: HttpResponse | undefined, signal: AbortSignal): Readable {
    const chunks = async function* (this: HttpDriver) {
      const first = begun ?? (await this.#begin(url, signal));
      const body = resumableBody(first, url, this.#exchange, this.#channel.policy, signal);
      if (!this.#isGzip(first)) {
        let bytes = 0;
        for await (const chunk of body) {
          bytes += chunk.byteLength;
          yield chunk;
        }
        noteTransfer(bytes);
        return;
      }
      const { createGunzip } = await import("node:zlib");
      try {
        // Errors of either side end the loop.
        yield* pipeline(byteStream(body), createGunzip(), () => {});
      } catch (cause) {
        if (cause instanceof ExecutorError || signal.aborted) throw cause;
        const text = `${redact(url)} names gzip as its Content-Encoding, and its content is damaged or no gzip`;
        throw new ExecutorError("Corrupt", `${text}: ${errorText(cause)}`, { cause });
      }
    };
    return byteStream(chunks.call(this));
  }

  #isGzip({ headers }: HttpResponse): boolean {
    // Servers that pack everything say so of empty files, too.
    const isPacked = headers["content-encoding"] === "gzip" && headers["content-length"] !== "0";
    return isPacked && !this.#exchange.choosesEncoding;
  }

  /** The key of a relocated artifact is in its URL; the location's own is what the driver was opened with. */
  #urlOf(artifact: Artifact): string {
    return artifact.http?.url ?? artifact.artifactory?.url ?? this.#config.url;
  }
}

function onRetry(): void {
  countInSpan("transfer.retries", 1);
}
