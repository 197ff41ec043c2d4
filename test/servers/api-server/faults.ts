import type { ApiRequest, Verb } from "../../../desk/api-server/index.ts";
import { FaultScript } from "../fault-script.ts";

/** Which requests a fault strikes; what is left out matches everything. */
export interface ApiFaultMatch {
  readonly verb?: Verb;
  /** The plural. */
  readonly resource?: string;
  /** Empty for the main resource. */
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export type ApiFaultEffect =
  /** Refuses with a Status object, or with `body` as it stands (a proxy's page). */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly body?: string;
      readonly retryAfterSeconds?: number;
    }
  /** Resets the connection; with `afterWork`, the change has been made and only the answer is lost. */
  | { readonly kind: "drop"; readonly afterWork?: boolean }
  /** Waits before the work begins. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Ends a watch in order after so many events; default 0. */
  | { readonly kind: "close-watch"; readonly afterEvents?: number }
  /** Sends an ERROR event with 410 Expired after so many events, and ends the watch; default 0. */
  | { readonly kind: "expire-watch"; readonly afterEvents?: number };

/** One scripted mishap; `times` is how many requests it strikes (all, if left out). */
export type ApiFault = { readonly match?: ApiFaultMatch; readonly times?: number } & ApiFaultEffect;

/** The faults that are still due. */
export class ApiFaultScript extends FaultScript<ApiFault, ApiRequest> {
  constructor() {
    super(matches);
  }
}

function matches({ kind, match = {} }: ApiFault, request: ApiRequest): boolean {
  if (kind.endsWith("-watch") && request.verb !== "watch") return false;
  return (
    (match.verb === undefined || match.verb === request.verb) &&
    (match.resource === undefined || match.resource === request.resource) &&
    (match.subresource === undefined || match.subresource === request.subresource) &&
    (match.namespace === undefined || match.namespace === request.namespace) &&
    (match.name === undefined || match.name === request.name)
  );
}
