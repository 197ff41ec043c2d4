import type { LookupAddress, LookupOptions } from "node:dns";
import type { LookupFunction } from "node:net";

/** Go on with an answer for so long: a thousand requests to one server ask once. */
const keepMs = 5_000;
const namesMax = 1_000;

type Answer = Promise<LookupAddress[]>;

/**
 * Looks names up with the system's resolver, each name once at a time. The resolver has four threads for the whole
 * process; a name server that does not answer for one name would hold all of them, and every other task with them.
 */
export function sharedLookup(): LookupFunction {
  const answers = new Map<string, Answer>();

  function ask(hostname: string, options: LookupOptions): Answer {
    const key = `${options.family ?? 0} ${options.hints ?? 0} ${hostname}`;
    const known = answers.get(key);
    if (known !== undefined) return known;
    const { lookup } = process.getBuiltinModule("node:dns").promises;
    const answer = lookup(hostname, { ...options, all: true });
    answers.set(key, answer);
    const forget = () => answers.get(key) === answer && answers.delete(key);
    // What failed is asked again by the next one.
    answer.then(() => setTimeout(forget, keepMs).unref(), forget);
    if (answers.size > namesMax) answers.clear();
    return answer;
  }

  return (hostname, options, callback) => {
    ask(hostname, options).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, addresses);
        else callback(null, first?.address ?? "", first?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, options.all ? [] : ""),
    );
  };
}
