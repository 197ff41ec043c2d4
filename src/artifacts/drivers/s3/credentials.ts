import { ExecutorError, errorText } from "../../../errors/index.ts";
import { type HttpClient, TokenSource } from "../../../http/index.ts";
import type { S3Location } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";
import { requestHandler } from "./sdk-handler.ts";
import type { Credentials } from "./signature.ts";

/** What the AWS SDK's providers resolve to. */
interface Identity extends Credentials {
  readonly expiration?: Date;
}

type IdentityProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<Identity>;

/** Where a driver's credentials come from. */
export interface CredentialSource {
  /** Throws for what is wrong with the location, as far as nobody has to be asked. */
  check(): Promise<void>;
  /** The credentials of now; the same object as long as they are the same. */
  current(signal: AbortSignal): Promise<Credentials>;
  /** Looks again, after the store refused those that were `used`. True if there are others to try. */
  refresh(used: Credentials, signal: AbortSignal): Promise<boolean>;
}

/** Chooses the source by the rules of docs/contract/artifacts.md#5.1, "Credential precedence". */
export function openCredentials(
  location: S3Location,
  context: DriverContext,
  http: HttpClient,
): CredentialSource {
  const hasAccessKey = isGiven(location.accessKeySecret);
  if (hasAccessKey !== isGiven(location.secretKeySecret)) {
    throw new ExecutorError(
      "BadRequest",
      "accessKeySecret and secretKeySecret belong together; the s3 location has only one of them",
    );
  }
  if (hasAccessKey) return new SecretCredentials(location, context);
  return new ProviderCredentials(async () => await identityProvider(location, http));
}

function isGiven(selector: S3Location["accessKeySecret"]): boolean {
  return selector?.name !== undefined && selector.name !== "";
}

/** Keys from mounted secrets. The kubelet replaces the files when the secret is rotated, so they are read again. */
class SecretCredentials implements CredentialSource {
  readonly #location: S3Location;
  readonly #context: DriverContext;
  #known: Credentials | undefined;

  constructor(location: S3Location, context: DriverContext) {
    this.#location = location;
    this.#context = context;
  }

  async check(): Promise<void> {
    await this.current();
  }

  async current(): Promise<Credentials> {
    this.#known ??= await this.#read();
    return this.#known;
  }

  async refresh(used: Credentials): Promise<boolean> {
    const now = await this.#read();
    if (this.#known === undefined || !areSame(this.#known, now)) this.#known = now;
    // Of many requests that were refused together, the first has replaced them for all.
    return !areSame(used, now);
  }

  async #read(): Promise<Credentials> {
    const { accessKeySecret = {}, secretKeySecret = {}, sessionTokenSecret } = this.#location;
    const text = async (selector: typeof accessKeySecret) =>
      Buffer.from(await this.#context.readSecret(selector))
        .toString()
        .trim();
    const accessKeyId = await text(accessKeySecret);
    const secretAccessKey = await text(secretKeySecret);
    if (accessKeyId === "" || secretAccessKey === "") {
      const name = accessKeyId === "" ? accessKeySecret.name : secretKeySecret.name;
      throw new ExecutorError("BadRequest", `the secret ${name} holds an empty S3 key`);
    }
    const sessionToken = isGiven(sessionTokenSecret) ? await text(sessionTokenSecret ?? {}) : "";
    return { accessKeyId, secretAccessKey, ...(sessionToken === "" ? {} : { sessionToken }) };
  }
}

function areSame(a: Credentials, b: Credentials): boolean {
  return (
    a.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken
  );
}

/** Credentials that expire are replaced this long before. */
const renewBeforeMs = 60_000;
/** The SDK's providers ask several services in turn, some of which have no limits of their own. */
const identityTimeoutMs = 60_000;

/** Credentials of an identity: role, web identity, pod identity, instance profile, environment or profile. */
class ProviderCredentials implements CredentialSource {
  readonly #open: () => Promise<IdentityProvider>;
  readonly #source = new TokenSource<Credentials>(() => this.#fetch(), {
    during: "no AWS credentials for the s3 location",
    renewBeforeMs,
    timeoutMs: identityTimeoutMs,
  });
  #provider: Promise<IdentityProvider> | undefined;
  #known: Identity | undefined;

  constructor(open: () => Promise<IdentityProvider>) {
    this.#open = open;
  }

  async check(): Promise<void> {}

  async current(signal: AbortSignal): Promise<Credentials> {
    return await this.#source.current(signal);
  }

  async refresh(used: Credentials, signal: AbortSignal): Promise<boolean> {
    return await this.#source.renew(used, signal);
  }

  async #fetch() {
    this.#provider ??= this.#open();
    const provider = await this.#provider;
    let identity: Identity;
    try {
      identity = await provider({ forceRefresh: this.#known !== undefined });
    } catch (error) {
      const code = isPassing(error) ? "Transient" : "Unauthorized";
      const text = `no AWS credentials for the s3 location: ${errorText(error)}`;
      throw new ExecutorError(code, text, { cause: error });
    }
    const isSame = this.#known && areSame(this.#known, identity);
    // The same object as long as they are the same: signing keys are derived once.
    if (!isSame) this.#known = identity;
    const expiresAtMs = identity.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    return { token: this.#known ?? identity, expiresAtMs };
  }
}

/** The AWS SDK's chains know every kind of identity; they are loaded by pods that need one, and by no others. */
async function identityProvider(location: S3Location, http: HttpClient): Promise<IdentityProvider> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  const clientConfig = {
    requestHandler: requestHandler(http),
    ...(location.region === undefined || location.region === "" ? {} : { region: location.region }),
  };
  if (location.roleARN === undefined || location.roleARN === "")
    return fromNodeProviderChain({ clientConfig });
  const provider = fromTemporaryCredentials({
    params: {
      RoleArn: location.roleARN,
      RoleSessionName: `aws-go-sdk-${process.hrtime.bigint()}`,
      DurationSeconds: 900,
    },
    masterCredentials: fromNodeProviderChain({ clientConfig }),
    clientConfig,
  });
  return async () => await provider();
}

function isPassing(error: unknown): boolean {
  const {
    code = "",
    name = "",
    $retryable,
  } = error as { code?: string; name?: string; $retryable?: unknown };
  if (error instanceof ExecutorError) return error.code === "Transient";
  return $retryable !== undefined || /^E[A-Z]+$/.test(code) || /Timeout|Throttl/.test(name);
}
