import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import { type ActedOn, type Command, type CommandResult, forEach, targetsOf } from "./command.ts";
import { throwCollected } from "./failure.ts";
import { isSet } from "./flags.ts";
import { isList, isObject, type JsonObject, memberOf, textAt, writeJson } from "./json.ts";
import { collectionPath } from "./requests.ts";
import type { Selection } from "./targets.ts";

const pageSize = "500";

/** `kubectl get`: objects by name, or all that a selector finds. */
export async function get(command: Command): Promise<CommandResult> {
  const { objects, options, signal } = command;
  const { targets, selections, errors: given, isSingle } = await targetsOf(command);
  const errors = [...given];
  const subresource = options.flags.get("subresource");
  const named = await forEach(targets, errors, signal, async (target): Promise<ActedOn> => {
    return { target, object: await objects.get(target, subresource) };
  });
  const listed = await forEach(selections, errors, signal, (selection) => listAll(command, selection));
  const ignored = isSet(options, "ignore-not-found");
  throwCollected(ignored ? errors.filter((error) => !isExecutorError(error, "NotFound")) : errors);
  return { acted: [...named, ...listed.flat()], isSingle: isSingle && named.length === 1 };
}

/** Every object of a selection, page by page. Throws Transient where the list has changed too much meanwhile. */
export async function listAll({ objects }: Command, selection: Selection): Promise<readonly ActedOn[]> {
  const { mapping, namespace, labelSelector, fieldSelector } = selection;
  const found: ActedOn[] = [];
  let next = "";
  do {
    const page = await objects.list(
      { mapping, namespace },
      { labelSelector, fieldSelector, limit: pageSize, continue: next },
    );
    const items = memberOf(page.value, "items");
    if (!isList(items)) throw notAList(collectionPath(mapping, namespace));
    for (const item of items) if (isObject(item)) found.push(actedOn(item, selection));
    next = textAt(page.value, "metadata", "continue");
  } while (next !== "");
  return found;
}

function actedOn(item: JsonObject, { mapping }: Selection): ActedOn {
  const apiVersion = mapping.group === "" ? mapping.version : `${mapping.group}/${mapping.version}`;
  const value = { apiVersion, kind: mapping.kind, ...item };
  const name = textAt(value, "metadata", "name");
  const namespace = textAt(value, "metadata", "namespace");
  const target = { mapping, namespace, name, source: "", object: undefined };
  return { target, object: { value, text: writeJson(value) } };
}

function notAList(path: string): ExecutorError {
  return new ExecutorError("Internal", `GET ${path}: the server's answer is not a list`);
}
