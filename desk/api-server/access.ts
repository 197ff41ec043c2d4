import type { ApiRequest } from "./api-path.ts";
import { forbidden, unauthorized } from "./status.ts";

/** What is granted, in the form of a Role's rules; `*` means all. */
export interface RbacRule {
  readonly verbs: readonly string[];
  /** Plurals, with `/status` for the subresource. */
  readonly resources: readonly string[];
  /** Default: every group. */
  readonly apiGroups?: readonly string[];
  /** Default: every namespace. */
  readonly namespaces?: readonly string[];
  /** Default: every object; `list` and `watch` need a field selector on the name otherwise. */
  readonly resourceNames?: readonly string[];
}

/** Somebody with a bearer token. */
export interface ApiUser {
  readonly token: string;
  /** As in `system:serviceaccount:argo:default`; refusals name it. */
  readonly name: string;
  /** Undefined: may do everything. */
  readonly rules?: readonly RbacRule[] | undefined;
}

/** Who may do what. Without users, everybody may do everything. */
export class AccessControl {
  readonly #users = new Map<string, ApiUser>();

  constructor(users: Iterable<ApiUser>) {
    for (const user of users) this.set(user);
  }

  set(user: ApiUser): void {
    this.#users.set(user.token, user);
  }

  /** The token is unknown from now on, as after its expiry. */
  revoke(token: string): void {
    this.#users.set(token, { token: "", name: "" });
  }

  /** Throws Unauthorized or Forbidden. */
  check(authorization: string | undefined, request: ApiRequest): void {
    if (this.#users.size === 0) return;
    const user = this.#users.get(/^Bearer +(.+)$/i.exec(authorization ?? "")?.[1] ?? "");
    if (!user || user.token === "") throw unauthorized();
    if (!user.rules || user.rules.some((rule) => grants(rule, request))) return;
    const resource =
      request.subresource === "" ? request.resource : `${request.resource}/${request.subresource}`;
    const place =
      request.namespace === undefined ? "at the cluster scope" : `in the namespace "${request.namespace}"`;
    const why = `User "${user.name}" cannot ${request.verb} resource "${resource}" in API group "${request.group}" ${place}`;
    throw forbidden(request, request.name ?? "", why);
  }
}

function grants(rule: RbacRule, request: ApiRequest): boolean {
  const resource =
    request.subresource === "" ? request.resource : `${request.resource}/${request.subresource}`;
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    list === undefined || list.includes("*") || list.includes(value);
  const selected = /^metadata\.name==?([^,]+)$/.exec(request.query.get("fieldSelector") ?? "")?.[1];
  return (
    has(rule.verbs, request.verb) &&
    has(rule.resources, resource) &&
    has(rule.apiGroups, request.group) &&
    has(rule.namespaces, request.namespace ?? "") &&
    has(rule.resourceNames, request.name ?? selected ?? "")
  );
}
