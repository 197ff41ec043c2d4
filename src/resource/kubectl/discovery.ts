import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import type { GroupVersionKind } from "./patch-schema.ts";

/** Where the objects of a kind are. */
export interface ResourceMapping extends GroupVersionKind {
  readonly resource: string;
  readonly isNamespaced: boolean;
}

interface ApiResource {
  readonly name: string;
  readonly singularName?: string;
  readonly shortNames?: readonly string[];
  readonly kind: string;
  readonly namespaced: boolean;
}

interface ResourceList {
  readonly groupVersion: string;
  readonly resources?: readonly ApiResource[];
}

interface GroupList {
  readonly versions?: readonly string[];
  readonly groups?: readonly {
    readonly name: string;
    readonly versions: readonly { readonly version: string }[];
    readonly preferredVersion?: { readonly version: string };
  }[];
}

/**
 * Finds the resource of a kind, and the kind of a resource, by asking the server (the rules of client-go's RESTMapper).
 * Each list is asked for once.
 */
export class Discovery {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;
  readonly #lists = new Map<string, Promise<readonly ResourceMapping[]>>();

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** The resource of a kind, or undefined where the server does not have it. */
  async ofKind(type: GroupVersionKind): Promise<ResourceMapping | undefined> {
    try {
      const mappings = await this.#list(type.group, type.version);
      return mappings.find(({ kind }) => kind === type.kind);
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      // Who may not look guesses, as the original always did.
      if (isExecutorError(error, "Forbidden")) return guessed(type);
      throw error;
    }
  }

  /**
   * The resource that a command line names: `pods`, `pod`, `po`, `deployments.apps`, `deployments.v1.apps`, in the core
   * group before others. Throws NotFound.
   */
  async ofArgument(text: string): Promise<ResourceMapping> {
    const [name = "", ...rest] = text.split(".");
    const lower = name.toLowerCase();
    const wanted = rest.join(".");
    for (const { group, versions } of await this.#groups(wanted)) {
      const isWhole = wanted === "" || wanted === group;
      const version = isWhole ? versions[0] : versions.find((each) => wanted === `${each}.${group}`);
      if (version === undefined) continue;
      const found = (await this.#named(group, version)).find(({ names }) => names.includes(lower));
      if (found) return found.mapping;
    }
    const where = wanted === "" ? "" : ` in group ${JSON.stringify(wanted)}`;
    const problem = `the server doesn't have a resource type ${JSON.stringify(name)}${where}`;
    throw new ExecutorError("NotFound", problem);
  }

  /** Groups that the wanted one may be, with their versions, the preferred one first. */
  async #groups(wanted: string): Promise<readonly { group: string; versions: readonly string[] }[]> {
    const core = { group: "", versions: ["v1"] };
    if (wanted === "v1" || wanted === "v1.") return [core];
    const { groups = [] } = await this.#client.request<GroupList>(
      { method: "GET", path: "/apis" },
      this.#signal,
    );
    const others = groups.map(({ name, versions, preferredVersion }) => {
      const all = versions.map(({ version }) => version);
      const preferred = preferredVersion?.version;
      return { group: name, versions: [...new Set([...(preferred ? [preferred] : []), ...all])] };
    });
    if (wanted === "") return [core, ...others];
    return others.filter(({ group }) => wanted === group || wanted.endsWith(`.${group}`));
  }

  async #named(group: string, version: string) {
    const path = pathOf(group, version);
    const list = await this.#client
      .request<ResourceList>({ method: "GET", path }, this.#signal)
      .catch((error) => {
        // An aggregated API that is away must not hide the others.
        if (isExecutorError(error, "NotFound", "Transient", "Internal") && group !== "") return undefined;
        throw error;
      });
    return (list?.resources ?? []).filter(isMain).map((resource) => ({
      names: [
        resource.name,
        resource.singularName ?? "",
        resource.kind.toLowerCase(),
        ...(resource.shortNames ?? []),
      ],
      mapping: mappingOf(group, version, resource),
    }));
  }

  #list(group: string, version: string): Promise<readonly ResourceMapping[]> {
    const path = pathOf(group, version);
    const known = this.#lists.get(path);
    if (known) return known;
    const asked = this.#client
      .request<ResourceList>({ method: "GET", path }, this.#signal)
      .then(({ resources = [] }) =>
        resources.filter(isMain).map((resource) => mappingOf(group, version, resource)),
      );
    this.#lists.set(path, asked);
    asked.catch(() => this.#lists.delete(path));
    return asked;
  }
}

/** `api/v1`, or `apis/GROUP/VERSION`. */
export function pathOf(group: string, version: string): string {
  const [g, v] = [encodeURIComponent(group), encodeURIComponent(version)];
  return group === "" ? `/api/${v}` : `/apis/${g}/${v}`;
}

/** Splits `apps/v1`; the core group has no name. Throws BadRequest. */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const parts = apiVersion.split("/");
  const [first = "", second] = parts;
  if (parts.length > 2 || first === "") {
    throw new ExecutorError("BadRequest", `unexpected GroupVersion string: ${apiVersion}`);
  }
  return second === undefined ? { group: "", version: first } : { group: first, version: second };
}

export function typeText({ group, version, kind }: GroupVersionKind): string {
  return `${group === "" ? version : `${group}/${version}`}, Kind=${kind}`;
}

function isMain({ name }: ApiResource): boolean {
  return !name.includes("/");
}

function mappingOf(group: string, version: string, { name, kind, namespaced }: ApiResource): ResourceMapping {
  return { group, version, kind, resource: name, isNamespaced: namespaced };
}

/** The plural by the rules of English that the original follows (docs/contract/roles.md#2.5). */
function guessed(type: GroupVersionKind): ResourceMapping {
  const { kind } = type;
  const lower = kind.toLowerCase();
  return { ...type, resource: kind.length < 2 ? lower : plural(lower), isNamespaced: true };
}

function plural(word: string): string {
  if (/(s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  if (word.endsWith("fe")) return `${word.slice(0, -2)}ves`;
  return word.endsWith("f") ? `${word.slice(0, -1)}ves` : `${word}s`;
}
