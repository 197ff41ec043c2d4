import { ExecutorError } from "../../../errors/index.ts";

/** Where a repository is. */
export interface Repository {
  /** As git gets it: without user and password where they would be credentials. */
  readonly url: string;
  readonly protocol: Protocol;
  /** `https://host:port`; undefined for ssh and git. */
  readonly origin: string | undefined;
  /** What stood in front of the host of an http URL. */
  readonly userInfo: { readonly username: string; readonly password: string } | undefined;
}

/** The transports that git may use, for the repository and for what its content names. */
export const protocols = ["https", "http", "ssh", "git"] as const;
type Protocol = (typeof protocols)[number];

const accepted = "an address such as https://host/path.git, ssh://git@host/path.git or git@host:path.git";

/**
 * Takes `repo` apart. Helpers of git's own (`ext::`, `fd::`), files and bundles of this container are refused: they run
 * commands, or read what is not the workflow's. @throws BadRequest
 */
export function parseRepository(repo: string): Repository {
  if (repo === "") throw new ExecutorError("BadRequest", `git.repo is missing; it must be ${accepted}`);
  if (repo.startsWith("-") || /[\p{Cc}\s]/u.test(repo)) throw wrong(repo);
  const scheme = /^([a-z][a-z0-9+.-]*):(:|\/\/)/i.exec(repo);
  if (scheme === null) return parseShort(repo);
  const name = scheme[1]?.toLowerCase() ?? "";
  const protocol = protocols.find((each) => each === name);
  if (protocol === undefined || scheme[2] !== "//" || !URL.canParse(repo)) throw wrong(repo);
  const url = new URL(repo);
  if (url.hostname === "" || decodeURIComponent(url.hostname).startsWith("-")) throw wrong(repo);
  if (protocol === "ssh" || protocol === "git")
    return { url: repo, protocol, origin: undefined, userInfo: undefined };
  const { username, password } = url;
  const userInfo =
    username === "" && password === ""
      ? undefined
      : { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  return { url: repo.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1"), protocol, origin: url.origin, userInfo };
}

/** `user@host:path`; without a colon before the first slash it is a path of this container. */
function parseShort(repo: string): Repository {
  if (!/^([^/:@]+@)?(\[[0-9a-f:.]+\]|[^/:@-][^/:@]*):./i.test(repo)) throw wrong(repo);
  return { url: repo, protocol: "ssh", origin: undefined, userInfo: undefined };
}

function wrong(repo: string): ExecutorError {
  const shown = repo.replace(/\/\/[^/@]*@/, "//");
  return new ExecutorError("BadRequest", `git.repo must be ${accepted}, not ${JSON.stringify(shown)}`);
}
