import { knownResources } from "./kube-object.ts";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** The versions that the known groups are served in. */
const groupVersions: Readonly<Record<string, string>> = {
  apps: "v1",
  "argoproj.io": "v1alpha1",
  batch: "v1",
  "coordination.k8s.io": "v1",
};

/** Answers what clients ask about the server itself; undefined for any other path. */
export function discover(path: string): unknown {
  if (["/healthz", "/livez", "/readyz"].includes(path)) return "ok";
  if (path === "/version") return { major: "1", minor: "33", gitVersion: "v1.33.0", platform: "linux/amd64" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: groups() };
  if (path === "/api/v1") return resourceList("", "v1");
  const [, group = "", version = ""] = /^\/apis\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  return groupVersions[group] === version && version !== ""
    ? resourceList(group, `${group}/${version}`)
    : undefined;
}

function groups(): unknown[] {
  return Object.entries(groupVersions).map(([name, version]) => {
    const preferredVersion = { groupVersion: `${name}/${version}`, version };
    return { name, versions: [preferredVersion], preferredVersion };
  });
}

function resourceList(group: string, groupVersion: string): unknown {
  const resources = Object.entries(knownResources).flatMap(
    ([qualified, { kind, isNamespaced, hasStatus }]) => {
      const [name = "", ...rest] = qualified.split(".");
      if (rest.join(".") !== group) return [];
      const main = { name, singularName: kind.toLowerCase(), namespaced: isNamespaced, kind, verbs: verbs };
      const status = { ...main, name: `${name}/status`, singularName: "", verbs: ["get", "patch", "update"] };
      return hasStatus ? [main, status] : [main];
    },
  );
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}
