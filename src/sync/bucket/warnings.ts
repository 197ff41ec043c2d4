import type { BucketFacts, BucketQuestions } from "../../artifacts/index.ts";
import { isExecutorError } from "../../errors/index.ts";
import type { Repository } from "../repository/index.ts";

/** Uploads that are counted; a bucket that has more has a problem whatever their number. */
const uploadsMax = 10_000;

/**
 * What a person should know of the target's bucket before objects go there, in sentences: versions, locks, rules that make
 * objects go, uploads that nobody completed, regions. Empty where nothing is worth a word, or the store answers no
 * such questions.
 */
export async function bucketWarnings(
  { source, target }: { readonly source: Repository; readonly target: Repository },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const questions = await target.openQuestions?.();
  if (questions === undefined) return [];
  const facts = await questions.facts(signal);
  return [
    ...regionWarnings(facts, await factsOf(source, signal), { source, target }),
    ...versionWarnings(facts, target.name),
    ...expiryWarnings(facts, target),
    ...(await uploadWarnings(questions, target, signal)),
  ];
}

async function factsOf(repository: Repository, signal: AbortSignal): Promise<BucketFacts | undefined> {
  return await (await repository.openQuestions?.())?.facts(signal);
}

function regionWarnings(
  theirs: BucketFacts,
  ours: BucketFacts | undefined,
  { source, target }: { readonly source: Repository; readonly target: Repository },
): readonly string[] {
  if (ours?.region === undefined || theirs.region === undefined || ours.region === theirs.region) return [];
  return [
    `${source.name} lies in ${ours.region} and ${target.name} in ${theirs.region}: every byte crosses regions`,
  ];
}

function versionWarnings(
  { keepsVersions, isLocking, retention }: BucketFacts,
  name: string,
): readonly string[] {
  const warnings: string[] = [];
  if (retention !== undefined) {
    warnings.push(
      `${name} locks every new object (${retention.mode}, ${retention.days} days): what is replaced or deleted before that stays beneath`,
    );
  } else if (isLocking) {
    warnings.push(`${name} can lock objects: what is locked stays beneath what replaces it`);
  } else if (keepsVersions) {
    warnings.push(`${name} keeps versions: what is replaced or deleted there stays, and is paid for`);
  }
  return warnings;
}

function expiryWarnings({ expiries }: BucketFacts, { name, prefix }: Repository): readonly string[] {
  return expiries
    .filter((rule) => rule.prefix.startsWith(prefix) || prefix.startsWith(rule.prefix))
    .map((rule) => {
      const where = rule.prefix === "" ? "" : ` below ${JSON.stringify(rule.prefix)}`;
      return `${name} lets objects${where} expire (${rule.when}, rule ${JSON.stringify(rule.name)}): what has gone is copied again by the next run`;
    });
}

async function uploadWarnings(
  questions: BucketQuestions,
  { name, prefix }: Repository,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let count = 0;
  let oldestMs = Number.POSITIVE_INFINITY;
  try {
    for await (const { startedMs = Number.POSITIVE_INFINITY } of questions.unfinishedUploads(
      prefix,
      signal,
    )) {
      count += 1;
      oldestMs = Math.min(oldestMs, startedMs);
      if (count === uploadsMax) break;
    }
  } catch (error) {
    // Whoever may not list them has nothing to be warned of.
    if (!isExecutorError(error, "Forbidden", "Unsupported", "NotFound", "Transient")) throw error;
  }
  if (count === 0) return [];
  const since = Number.isFinite(oldestMs) ? `, the oldest begun ${new Date(oldestMs).toISOString()}` : "";
  const many = count === uploadsMax ? `${count} or more` : String(count);
  return [
    `${many} multipart uploads in ${name} were never completed${since}: their parts are paid for; sync run --abort-uploads AGE gives old ones up`,
  ];
}
