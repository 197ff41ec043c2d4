import type { IncomingHttpHeaders } from "node:http2";
import { type ErrorCode, ExecutorError } from "../errors/index.ts";

/** gRPC's status codes in the order of their numbers: the name as Go prints it, and what it means here. */
const statuses: readonly (readonly [string, ErrorCode])[] = [
  ["OK", "Internal"],
  ["Canceled", "Cancelled"],
  ["Unknown", "Internal"],
  ["InvalidArgument", "BadRequest"],
  ["DeadlineExceeded", "Timeout"],
  ["NotFound", "NotFound"],
  ["AlreadyExists", "Conflict"],
  ["PermissionDenied", "Forbidden"],
  ["ResourceExhausted", "TooLarge"],
  ["FailedPrecondition", "BadRequest"],
  ["Aborted", "Conflict"],
  ["OutOfRange", "BadRequest"],
  ["Unimplemented", "Unsupported"],
  ["Internal", "Internal"],
  ["Unavailable", "Transient"],
  ["DataLoss", "Corrupt"],
  ["Unauthenticated", "Unauthorized"],
];

/** What an answer that is no gRPC means (grpc/doc/http-grpc-status-mapping.md). */
const httpStatuses: Readonly<Record<number, string>> = {
  400: "Internal",
  401: "Unauthenticated",
  403: "PermissionDenied",
  404: "Unimplemented",
  429: "Unavailable",
  502: "Unavailable",
  503: "Unavailable",
  504: "Unavailable",
};

const textLengthMax = 4096;

/** An error in Go's words, which users of Argo know: `rpc error: code = NotFound desc = no such key`. */
export function rpcError(name: string, text: string, cause?: unknown): ExecutorError {
  const code = statuses.find(([each]) => each === name)?.[1] ?? "Internal";
  return new ExecutorError(code, `rpc error: code = ${name} desc = ${text.slice(0, textLengthMax)}`, {
    cause,
    reason: "Rpc",
  });
}

/** Throws what the head of an answer says of its being no gRPC at all. */
export function checkHead(headers: IncomingHttpHeaders): void {
  const status = Number(headers[":status"]);
  // Any proxy or web server answers like this; its page is not quoted.
  if (status !== 200) {
    const text = `unexpected HTTP status code received from server: ${status}`;
    throw rpcError(httpStatuses[status] ?? "Unknown", text);
  }
  const type = headers["content-type"] ?? "";
  if (!/^application\/grpc([+;]|$)/.test(type)) {
    throw rpcError(
      "Unknown",
      `unexpected content-type ${JSON.stringify(type.slice(0, 100))}: this is no gRPC`,
    );
  }
}

/** Throws the status that stands behind an answer, unless it is OK. */
export function checkStatus(trailers: IncomingHttpHeaders): void {
  const text = String(trailers["grpc-status"] ?? "");
  if (text === "0") return;
  if (text === "") throw rpcError("Internal", "the server ended the answer without a status");
  const status = /^\d{1,2}$/.test(text) ? statuses[Number(text)] : undefined;
  throw rpcError(status?.[0] ?? "Unknown", decodeText(String(trailers["grpc-message"] ?? "")));
}

/** `grpc-message` is percent-encoded; a text that is not is taken as it is. */
function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
