import { ExecutorError } from "../../errors/index.ts";
import { mapAhead } from "../../limits/index.ts";
import type { Repository } from "../repository/index.ts";

export interface UploadsGivenUp {
  readonly aborted: number;
  /** Younger than asked for, or of an age that the store does not tell. */
  readonly left: number;
}

const abortsAhead = 8;

/**
 * Gives up multipart uploads in the repository that began longer ago: what killed uploaders have left. Throws
 * BadRequest where the store is none of those that can be asked.
 */
export async function abortUploads(
  repository: Repository,
  olderThanMs: number,
  signal: AbortSignal,
): Promise<UploadsGivenUp> {
  const questions = await repository.openQuestions?.();
  if (questions === undefined) {
    throw new ExecutorError("BadRequest", `--abort-uploads is for S3, which ${repository.name} is not`);
  }
  const nowMs = Date.now();
  const uploads = questions.unfinishedUploads(repository.prefix, signal);
  let [aborted, left] = [0, 0];
  const done = mapAhead(uploads, abortsAhead, async (upload) => {
    const { startedMs } = upload;
    if (startedMs === undefined || nowMs - startedMs < olderThanMs) return false;
    await questions.abort(upload, signal);
    return true;
  });
  for await (const isAborted of done) {
    if (isAborted) aborted += 1;
    else left += 1;
  }
  return { aborted, left };
}
