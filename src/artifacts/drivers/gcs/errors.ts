import type { ExecutorError } from "../../../errors/index.ts";
import { type FaultCodes, refusalError, type StoreFault } from "../../store-errors.ts";
import type { Refusal } from "../../store-requests.ts";

/** "Status and error codes" of the JSON API: the reasons that say more than the status. */
const codes: FaultCodes = {
  rateLimitExceeded: ["Transient"],
  userRateLimitExceeded: ["Transient"],
  backendError: ["Transient"],
  internalError: ["Transient"],
  uploadBrokenConnection: ["Transient"],
  conditionNotMet: ["Conflict"],
  authError: ["Unauthorized"],
  required: ["Unauthorized"],
  accountDisabled: ["Forbidden"],
  quotaExceeded: ["TooLarge"],
  retentionPolicyNotMet: ["Forbidden"],
  objectUnderActiveHold: ["Forbidden"],
  userProjectMissing: [
    "BadRequest",
    "the bucket lets the requester pay; set GOOGLE_CLOUD_QUOTA_PROJECT to the project that does",
  ],
};

/** The one translation of what Google Cloud Storage answers. `isAboutObject` is false for requests to the bucket. */
export function toError(refusal: Refusal, isAboutObject: boolean): ExecutorError {
  const fault = faultOf(refusal);
  if (refusal.status === 404) {
    // What is missing there is the bucket, never an object, and optional inputs must not hide that.
    const missing: FaultCodes = isAboutObject
      ? { notFound: ["NotFound", "storage: object doesn't exist"] }
      : { notFound: ["BadRequest", "storage: bucket doesn't exist"] };
    return refusalError(refusal, { code: "notFound", message: "" }, missing);
  }
  // A resumable upload that is gone answers so.
  if (refusal.status === 410) {
    return refusalError(refusal, fault, {
      [fault.code]: ["Conflict", "the upload session has ended; save it again"],
    });
  }
  return refusalError(refusal, fault, codes);
}

export function isAboutIdentity({ status }: Refusal): boolean {
  return status === 401 || status === 403;
}

/** The error document of the JSON API; one of another kind, such as a proxy's page, says nothing. */
function faultOf({ body }: Refusal): StoreFault {
  try {
    const { error } = JSON.parse(body) as {
      readonly error?: {
        readonly message?: unknown;
        readonly errors?: readonly { readonly reason?: unknown }[];
      };
    };
    const reason = error?.errors?.[0]?.reason;
    return {
      code: typeof reason === "string" ? reason : "",
      message: typeof error?.message === "string" ? error.message : "",
    };
  } catch {
    return { code: "", message: "" };
  }
}
