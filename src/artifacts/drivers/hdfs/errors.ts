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
  const text = `${during}: ${exception === "" ? `status ${status}` : `${exception}: ${message}`}`;
  if (exception === "StandbyException") return new StandbyError("Transient", text);
  const code = codes[exception] ?? codeOf(status);
  return new ExecutorError(code, text + remedyOf(exception, status), { retryAfterMs });
}

function readRemoteException(body: string): { readonly exception: string; readonly message: string } {
  try {
    const { RemoteException: remote } = JSON.parse(body) as { RemoteException?: Record<string, unknown> };
    const words = (value: unknown) =>
      typeof value === "string" ? (value.split("\n")[0] ?? "").replace(/\p{Cc}/gu, " ").slice(0, 500) : "";
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

function remedyOf(exception: string, status: number): string {
  if (exception === "AccessControlException") return "; give hdfs.hdfsUser the right to it";
  if (status === 401)
    return "; the cluster wants Kerberos, which this executor does not speak (docs/artifacts/hdfs.md)";
  return status === 404 && exception === "" ? "; what answers there is no WebHDFS: check hdfs.addresses" : "";
}
