import { ExecutorError, errorText } from "../src/errors/index.ts";
import {
  checkShape,
  checkTemplate,
  type Template,
  type TemplateType,
  templateType,
} from "../src/template/index.ts";
import type { KeyedData, Volume } from "./kubelet/index.ts";
import { deskFieldsShape, documentShape, workflowKinds } from "./manifest-shape.ts";
import type { DeskTemplate, Metadata, WorkflowSpec } from "./workflow.ts";

/** A template and what the file around it says. */
export interface Manifest {
  readonly template: DeskTemplate;
  /** Of the workflow that the template belongs to; made up for a bare template. */
  readonly workflow: { readonly metadata: Metadata; readonly spec: WorkflowSpec };
  /** The template is the one that the workflow starts with: its arguments are the template's. */
  readonly isEntrypoint: boolean;
  /** Some step reads `outputs.result`: the controller asks for it then. */
  readonly readsResult: boolean;
  readonly secrets: KeyedData;
  readonly configMaps: KeyedData;
}

interface Document {
  readonly kind?: string;
  readonly metadata?: Metadata;
  readonly spec?: WorkflowSpec & { readonly workflowSpec?: WorkflowSpec };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** What makes a pod that a desk can run. */
const runnable: readonly TemplateType[] = ["container", "script", "containerSet"];

/**
 * Reads a file of one or more YAML documents: workflows, workflow templates or a bare template, and the secrets and
 * config maps they refer to. Throws BadRequest saying what there is to choose from.
 * @param wanted the template's name, or undefined for the entrypoint, or the only one that can run
 */
export async function readManifest(
  text: string,
  source: string,
  wanted: string | undefined,
): Promise<Manifest> {
  const documents = await parseDocuments(text, source);
  const shared = { readsResult: text.includes("outputs.result"), ...keyedData(documents) };
  const candidates = documents.flatMap((document) => templatesOf(document));
  const { template, workflow, isEntrypoint } = choose(candidates, source, wanted);
  const title = `${source}, template ${template.name ?? ""}`.trimEnd();
  checkTemplate(template, title);
  checkShape(template, deskFieldsShape, title);
  return { template, workflow, isEntrypoint, ...shared };
}

/** Parses every document of a YAML text, and checks the form of those that we read. */
export async function parseDocuments(text: string, source: string): Promise<readonly Document[]> {
  const { parseAllDocuments } = await import("yaml");
  const documents = parseAllDocuments(text);
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error) {
      throw new ExecutorError("BadRequest", `${source} is not YAML: ${errorText(error).split("\n")[0]}`, {
        cause: error,
      });
    }
    const value: unknown = document.toJS();
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    const shape = documentShape((value as Document).kind);
    if (shape) checkShape(value, shape, source);
    return [value as Document];
  });
}

/** Secrets and config maps by name; a secret's `data` is base64. */
export function keyedData(documents: readonly Document[]): { secrets: KeyedData; configMaps: KeyedData } {
  const secrets: Record<string, Record<string, string>> = {};
  const configMaps: Record<string, Record<string, string>> = {};
  for (const { kind, metadata, data = {}, stringData = {} } of documents) {
    const name = metadata?.name ?? "";
    if (kind === "ConfigMap") configMaps[name] = { ...data };
    if (kind !== "Secret") continue;
    const decoded = Object.entries(data).map(([key, value]) => [
      key,
      Buffer.from(value, "base64").toString("utf8"),
    ]);
    secrets[name] = { ...Object.fromEntries(decoded), ...stringData };
  }
  return { secrets, configMaps };
}

interface Candidate {
  readonly template: DeskTemplate;
  readonly workflow: Manifest["workflow"];
  readonly isEntrypoint: boolean;
}

function templatesOf(document: Document): readonly Candidate[] {
  const { kind, metadata = {}, spec } = document;
  if (kind !== undefined && !workflowKinds.includes(kind)) return [];
  if (kind === undefined) {
    const template = document as unknown as DeskTemplate;
    if (templateType(template) === undefined) return [];
    return [{ template, workflow: { metadata: { name: "desk" }, spec: {} }, isEntrypoint: true }];
  }
  const workflowSpec = spec?.workflowSpec ?? spec ?? {};
  return (workflowSpec.templates ?? []).map((template) => ({
    template: withDefaults(workflowSpec.templateDefaults, template),
    workflow: { metadata, spec: workflowSpec },
    isEntrypoint: template.name === workflowSpec.entrypoint,
  }));
}

function choose(candidates: readonly Candidate[], source: string, wanted: string | undefined): Candidate {
  const canRun = candidates.filter(({ template }) => isRunnable(template));
  const names = canRun.map(({ template }) => template.name).join(", ");
  const choice = names === "" ? "there is none in it" : `choose one with --template: ${names}`;
  if (wanted !== undefined) {
    const found = candidates.find(({ template }) => template.name === wanted);
    if (!found) throw new ExecutorError("NotFound", `${source} has no template ${wanted}; ${choice}`);
    if (isRunnable(found.template)) return found;
    throw new ExecutorError(
      "Unsupported",
      `template ${wanted} is of type ${templateType(found.template)}; run can do container, script and containerSet: ${choice}`,
    );
  }
  const entry = canRun.find(({ isEntrypoint }) => isEntrypoint);
  const only = canRun.length === 1 ? canRun[0] : undefined;
  const found = entry ?? only;
  if (found) return found;
  throw new ExecutorError(
    "BadRequest",
    `${source} does not say which container, script or containerSet template to run; ${choice}`,
  );
}

function isRunnable(template: Template): boolean {
  const type = templateType(template);
  return type !== undefined && runnable.includes(type);
}

/** `templateDefaults` fills in what a template does not say; lists and types of work are not merged. */
function withDefaults(defaults: Partial<DeskTemplate> | undefined, template: DeskTemplate): DeskTemplate {
  if (!defaults) return template;
  const { container, script, containerSet, ...rest } = defaults;
  const own: Record<string, unknown> = { ...rest, ...template };
  if (template.container && container) own.container = { ...container, ...template.container };
  if (template.script && script) own.script = { ...script, ...template.script };
  if (template.containerSet && containerSet) own.containerSet = { ...containerSet, ...template.containerSet };
  return own as unknown as DeskTemplate;
}

/**
 * Volumes that the template may mount: its own, the workflow's, and a folder for each claim (docs/contract/pod.md#4.1
 * rule 7).
 */
export function availableVolumes({ template, workflow }: Manifest): readonly Volume[] {
  const claims = (workflow.spec.volumeClaimTemplates ?? []).map(({ metadata }) => ({
    name: metadata?.name ?? "",
    persistentVolumeClaim: {},
  }));
  return [...(template.volumes ?? []), ...(workflow.spec.volumes ?? []), ...claims];
}
