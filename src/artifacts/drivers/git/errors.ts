import { type ErrorCode, ExecutorError } from "../../../errors/index.ts";

const variant = "use the executor image's variant with git (docs/artifacts/git.md)";

/**
 * What git, ssh, curl and git-lfs say, and what it means to us; the first that matches counts. Words decide here, and
 * nowhere else, for there is nothing else: git ends with 128 and ssh with 255 whatever happened, none of them writes
 * errors that a program can read (the events of GIT_TRACE2_EVENT hold the same words), and status codes of the server
 * are in a sentence of git's, too. They are asked to speak English (LC_ALL), what the server says does not count, and
 * the worst that a wrong word does is a remedy too many, or a try. What git does say by its exit status is GitError's.
 */
const meanings: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/no space left on device|disk quota exceeded/i, "TooLarge", "the volume of the artifact is full"],
  [/\bssh: (?:not found|No such file)|cannot run ssh/, "Unsupported", `ssh is not in this image; ${variant}`],
  [
    /'lfs' is not a git command/,
    "Unsupported",
    `the repository keeps files in LFS, and git-lfs is not in this image; ${variant}, or set GIT_LFS_SKIP_SMUDGE=1 to get the pointers`,
  ],
  [
    /remote helper|git-remote-https?'? (?:died|not found)|'remote-https?' is not a git command/i,
    "Unsupported",
    `git's https helper is not in this image; ${variant}`,
  ],
  [
    /No user exists for uid/,
    "BadRequest",
    "ssh needs the user that the pod runs as in the image's /etc/passwd; run the pod as 8737 or root, or use https",
  ],
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for/i,
    "BadRequest",
    "the host's key is not the known one; put the right key into the file that SSH_KNOWN_HOSTS names, or set insecureIgnoreHostKey",
  ],
  [
    /Load key .*(?:invalid format|error in libcrypto|incorrect passphrase)|no pinentry/i,
    "BadRequest",
    "sshPrivateKeySecret must hold a private key in PEM or OpenSSH format without passphrase",
  ],
  [
    /certificate|SSL|TLS handshake/i,
    "BadRequest",
    "the server's certificate is not trusted; add the issuing CA with SSL_CERT_FILE on the executor, or set insecureSkipTLS",
  ],
  [
    /Permission denied \(|Authentication failed|could not read (?:Username|Password)|error: 401\b|HTTP 401|Authorization error|credentials? .* not found/i,
    "Unauthorized",
    "check usernameSecret and passwordSecret, or sshPrivateKeySecret",
  ],
  [/error: 403\b|HTTP 403/i, "Forbidden", "the credentials are known and may not read this repository"],
  [
    /transport '.*' not allowed/,
    "BadRequest",
    "only https, http, ssh and git are followed, in submodules, too",
  ],
  [
    /repository .*not found|does not appear to be a git repository|error: 404\b|Repository not found|no such repository/i,
    "BadRequest",
    "check git.repo; hosts say the same of a repository that the credentials may not see",
  ],
  [
    /could(?:n't| not) resolve host|connection (?:refused|reset|timed out|closed|to .* closed)|failed to connect|operation (?:too slow|timed out)|early eof|unexpected disconnect|error: (?:408|429|5\d\d)\b|HTTP (?:429|5\d\d)|hung up unexpectedly|empty reply|recv failure|temporary failure|no route to host|network is unreachable|gnutls_handshake|kex_exchange|broken pipe|i\/o timeout|EOF$/i,
    "Transient",
    "",
  ],
];

/** A command of git's that ended with a status other than 0; undefined: by a signal. */
export class GitError extends ExecutorError {
  readonly status: number | undefined;

  constructor(code: ErrorCode, message: string, status: number | undefined) {
    super(code, message);
    this.status = status;
  }
}

/** True where a command of git's answered by one of these exit statuses. */
export function isGitStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof GitError && error.status !== undefined && statuses.includes(error.status);
}

/** `complaint` is what git wrote to its standard error: a server may have written parts of it. */
export function gitError(
  args: readonly string[],
  status: number | null,
  complaint: string,
  secrets: readonly string[],
): ExecutorError {
  if (status === 127) return new ExecutorError("Unsupported", `git is not in this image; ${variant}`);
  const text = redact(essence(complaint), secrets) || `git ${verb(args)} ended with ${status ?? "a signal"}`;
  const own = complaint.replaceAll(/(?:^|[\r\n])remote:[^\r\n]*/g, "");
  for (const [pattern, code, remedy] of meanings) {
    if (!pattern.test(own)) continue;
    return new GitError(code, remedy === "" ? text : `${text}; ${remedy}`, status ?? undefined);
  }
  return new GitError(status === null ? "Transient" : "BadRequest", text, status ?? undefined);
}

export function silenceError(args: readonly string[], silenceMaxMs: number): ExecutorError {
  const text = `git ${verb(args)}: i/o timeout: no progress for ${Math.round(silenceMaxMs / 1000)} s`;
  return new ExecutorError("Transient", text);
}

/** The command without its options: what follows them may be an address. */
function verb(args: readonly string[]): string {
  return args.find((arg) => /^[a-z-]+$/.test(arg) && !arg.startsWith("-")) ?? "";
}

/** The lines that say why, without progress and without control characters; not more than a message can bear. */
function essence(complaint: string): string {
  const lines = complaint
    .split(/[\r\n]+/)
    .map((line) => line.replace(/\p{Cc}/gu, " ").trim())
    .filter((line) => line !== "" && !/^@+$|: +\d+% |^Cloning into|^hint:|^warning:|, done\.$/.test(line));
  const telling = lines.filter((line) => !/^remote: *$/.test(line));
  return telling
    .slice(-6)
    .join(": ")
    .replace(/\b(?:fatal|error): /g, "")
    .slice(0, 1000);
}

function redact(text: string, secrets: readonly string[]): string {
  let shown = text.replace(/([a-z+]+:\/\/)[^/@\s]*@/gi, (whole, scheme: string) =>
    scheme === "ssh://" ? whole : scheme,
  );
  for (const secret of secrets) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")])
      if (form.length > 3) shown = shown.replaceAll(form, "[redacted]");
  }
  return shown;
}
