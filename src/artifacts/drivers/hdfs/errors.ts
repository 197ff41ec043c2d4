import { type ErrorCode, ExecutorError } from "../../../errors/index.ts";

/** By the name of the Java class, the last part of it (WebHDFS REST API, "Error Responses"). */
const codes: Readonly<Record<string, ErrorCode>> = {
  FileNotFoundException: "NotFound",
  AccessControlException: "Forbidden",
  AuthorizationException: "Forbidden",
  SecurityException: "Unauthorized",
  AuthenticationException: "Unauthorized",
  StandbyException: "Transient",
  RetriableException: "Transient",
  SafeModeException: "Transient",
  FileAlreadyExistsException: "Conflict",
  AlreadyBeingCreatedException: "Conflict",
  LeaseExpiredException: "Conflict",
  DSQuotaExceededException: "TooLarge",
  NSQuotaExceededException: "TooLarge",
  UnsupportedOperationException: "Unsupported",
  IllegalArgumentException: "BadRequest",
  ParentNotDirectoryException: "BadRequest",
  UnknownCryptoProtocolVersionException: "Unsupported",
  RpcNoSuchMethodException: "Unsupported",
  RpcNoSuchProtocolException: "Unsupported",
  ConnectException: "Transient",
  SocketTimeoutException: "Transient",
  NotReplicatedYetException: "Transient",
  PathIsNotEmptyDirectoryException: "Conflict",
};

/** A name node that is not the active one: the next one may be. */
export class StandbyError extends ExecutorError {}

export interface RemoteAnswer {
  readonly status: number;
  /** What the server wrote. */
  readonly body: string;
  /** How long it asks to be left alone. */
  readonly retryAfterMs: number | undefined;
}

/** What an answer outside 2xx means. `during` names operation and path. */
export function remoteError({ status, body, retryAfterMs }: RemoteAnswer, during: string): ExecutorError {
  const { exception, message } = readRemoteException(body);
  if (exception !== "") return javaError({ exception, message }, during, codeOf(status), retryAfterMs);
  const text = `${during}: status ${status}`;
  return new ExecutorError(codeOf(status), text + remedyOf(status), { retryAfterMs });
}

export interface JavaException {
  /** Its class, with or without the package. */
  readonly exception: string;
  /** A stack may follow on further lines. */
  readonly message: string;
}

/** What an exception of the name node's means; `otherwise` where it is none that we know. */
export function javaError(
  { exception, message }: JavaException,
  during: string,
  otherwise: ErrorCode = "BadRequest",
  retryAfterMs: number | undefined = undefined,
): ExecutorError {
  const name = exception.split(".").at(-1) ?? "";
  const text = `${during}: ${name}: ${firstLine(message)}`;
  if (name === "StandbyException") return new StandbyError("Transient", text);
  const remedy = name === "AccessControlException" ? "; give hdfs.hdfsUser the right to it" : "";
  return new ExecutorError(codes[name] ?? otherwise, text + remedy, { retryAfterMs });
}

/** What a server wrote, as far as a message can bear it. */
function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").replace(/\p{Cc}/gu, " ").slice(0, 500);
}

function readRemoteException(body: string): { readonly exception: string; readonly message: string } {
  try {
    const { RemoteException: remote } = JSON.parse(body) as { RemoteException?: Record<string, unknown> };
    const words = (value: unknown) => (typeof value === "string" ? firstLine(value) : "");
    return { exception: words(remote?.exception), message: words(remote?.message) };
  } catch {
    // A page of a proxy or of another server: its status has to do.
    return { exception: "", message: "" };
  }
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 407) return "Unauthorized";
  if (status === 403) return "Forbidden";
  if (status === 408 || status === 429) return "Transient";
  if (status === 413 || status === 507) return "TooLarge";
  return status >= 500 ? "Transient" : "BadRequest";
}

function remedyOf(status: number): string {
  if (status === 401) return "; the cluster wants Kerberos: give krbKeytabSecret or krbCCacheSecret";
  return status === 404 ? "; what answers there is no WebHDFS: check hdfs.addresses" : "";
}
