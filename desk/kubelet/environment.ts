import { ExecutorError } from "../../src/errors/index.ts";
import type { ContainerSpec, EnvVar, KeyedData, KeyRef, Pod } from "./pod.ts";

/** What a kubelet would ask the API server for. */
export interface Sources {
  readonly secrets: KeyedData;
  readonly configMaps: KeyedData;
}

/** The environment that a container's manifest asks for, in order: later entries may refer to earlier ones. */
export function containerEnvironment(
  pod: Pod,
  container: ContainerSpec,
  sources: Sources,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const { prefix = "", secretRef, configMapRef } of container.envFrom ?? []) {
    const [kind, data, ref] = secretRef
      ? (["secret", sources.secrets, secretRef] as const)
      : (["config map", sources.configMaps, configMapRef] as const);
    const values = data[ref?.name ?? ""];
    if (!values && !ref?.optional) throw missing(kind, ref?.name ?? "", container);
    for (const [key, value] of Object.entries(values ?? {})) env[`${prefix}${key}`] = value;
  }
  for (const entry of container.env ?? []) {
    const value = entry.valueFrom
      ? valueFrom(pod, container, entry, sources)
      : expand(entry.value ?? "", env);
    if (value !== undefined) env[entry.name] = value;
  }
  return env;
}

/** Kubernetes' `$(NAME)`; unknown names stay as they are, `$$` is a dollar sign. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (env[name] ?? whole),
  );
}

function valueFrom(
  pod: Pod,
  container: ContainerSpec,
  { name, valueFrom: source = {} }: EnvVar,
  { secrets, configMaps }: Sources,
): string | undefined {
  if (source.fieldRef) return field(pod, container, name, source.fieldRef.fieldPath);
  if (source.secretKeyRef) return lookup("secret", secrets, source.secretKeyRef, container);
  if (source.configMapKeyRef) return lookup("config map", configMaps, source.configMapKeyRef, container);
  throw new ExecutorError(
    "Unsupported",
    `container ${container.name}: variable ${name} comes from ${Object.keys(source).join()}, which a desk does not have`,
  );
}

function lookup(
  kind: string,
  data: KeyedData,
  { name = "", key, optional }: KeyRef,
  container: ContainerSpec,
): string | undefined {
  const value = data[name]?.[key];
  if (value === undefined && !optional) throw missing(kind, `${name}, key ${key}`, container);
  return value;
}

function missing(kind: string, what: string, container: ContainerSpec): ExecutorError {
  return new ExecutorError(
    "NotFound",
    `container ${container.name} needs ${kind} ${what}: add it to the file as a document of its own`,
  );
}

function field(pod: Pod, container: ContainerSpec, variable: string, path: string): string {
  const { name, namespace = "default", uid = "", labels = {}, annotations = {} } = pod.metadata;
  const [, map, key = ""] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if (map) return (map === "labels" ? labels : annotations)[key] ?? "";
  const known: Record<string, string> = {
    "metadata.name": name,
    "metadata.namespace": namespace,
    "metadata.uid": uid,
    "spec.nodeName": "desk",
    "spec.serviceAccountName": String(pod.spec.serviceAccountName ?? "default"),
    "status.hostIP": "127.0.0.1",
    "status.podIP": "127.0.0.1",
  };
  const value = known[path];
  if (value !== undefined) return value;
  throw new ExecutorError(
    "Unsupported",
    `container ${container.name}: variable ${variable} comes from field ${path}, which a desk does not have`,
  );
}
