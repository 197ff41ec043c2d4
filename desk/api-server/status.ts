import { qualified, type ResourceName } from "./kube-object.ts";

/** The body of every refusal (Kubernetes API conventions, "Response status kind"). */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Failure" | "Success";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly code?: number;
}

export function failure(
  code: number,
  reason: string | undefined,
  message: string,
  details?: Status["details"],
): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/**
 * A request that the API refuses. Thrown by the operations, answered by the server; it never reaches other code, and is
 * therefore no ExecutorError.
 */
export class ApiRefusal extends Error {
  readonly status: Status;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: Status, retryAfterSeconds?: number) {
    super(status.message);
    this.name = "ApiRefusal";
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

function objectDetails(resource: ResourceName, name: string): Record<string, unknown> {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.resource,
  };
}

export function notFound(resource: ResourceName, name: string): ApiRefusal {
  const message = `${qualified(resource)} "${name}" not found`;
  return new ApiRefusal(failure(404, "NotFound", message, objectDetails(resource, name)));
}

export function pathNotFound(): ApiRefusal {
  return new ApiRefusal(failure(404, "NotFound", "the server could not find the requested resource", {}));
}

export function alreadyExists(resource: ResourceName, name: string): ApiRefusal {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new ApiRefusal(failure(409, "AlreadyExists", message, objectDetails(resource, name)));
}

export function conflict(resource: ResourceName, name: string, why = modifiedHint): ApiRefusal {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiRefusal(failure(409, "Conflict", message, objectDetails(resource, name)));
}

const modifiedHint =
  "the object has been modified; please apply your changes to the latest version and try again";

export function forbidden(resource: ResourceName, name: string, why: string): ApiRefusal {
  const subject = name === "" ? qualified(resource) : `${qualified(resource)} "${name}"`;
  const message = `${subject} is forbidden: ${why}`;
  return new ApiRefusal(failure(403, "Forbidden", message, objectDetails(resource, name)));
}

export function unauthorized(): ApiRefusal {
  return new ApiRefusal(failure(401, "Unauthorized", "Unauthorized"));
}

export function badRequest(message: string): ApiRefusal {
  return new ApiRefusal(failure(400, "BadRequest", message));
}

/** One field of an object is not acceptable. */
export function invalid(
  resource: ResourceName,
  kind: string,
  name: string,
  cause: { readonly field: string; readonly reason: string; readonly message: string },
): ApiRefusal {
  const subject = resource.group === "" ? kind : `${kind}.${resource.group}`;
  const message = `${subject} "${name}" is invalid: ${cause.field}: ${cause.message}`;
  const details = { ...objectDetails(resource, name), kind, causes: [cause] };
  return new ApiRefusal(failure(422, "Invalid", message, details));
}

export function expired(resourceVersion: number, oldest: number): Status {
  return failure(410, "Expired", `too old resource version: ${resourceVersion} (${oldest})`);
}

export function requestTooLarge(limitBytes: number): ApiRefusal {
  return new ApiRefusal(
    failure(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limitBytes}`),
  );
}
