import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A database server with an empty database, that its own client is asked through. */
export interface Database extends AsyncDisposable {
  /** Runs statements as an operator who feeds a file to the client; throws where one fails. */
  run(sql: string): void;
  /** The one value of a query, as text. */
  value(query: string): string;
}

/** The newest one that Debian's packages have put there. */
function postgresPrograms(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).map(Number) : [];
  const found = versions.sort((a, b) => b - a).map((version) => join(root, String(version), "bin"));
  return found.find((folder) =>
    ["initdb", "postgres", "psql"].every((name) => existsSync(join(folder, name))),
  );
}

const mariadb = {
  install: "/usr/bin/mariadb-install-db",
  server: "/usr/sbin/mariadbd",
  client: "/usr/bin/mariadb",
};

export const withoutPostgres =
  postgresPrograms() === undefined && "PostgreSQL is not installed (Debian package postgresql)";
export const withoutMariadb =
  !Object.values(mariadb).every((path) => existsSync(path)) &&
  "MariaDB is not installed (Debian package mariadb-server)";

/** @param settings such as `standard_conforming_strings=off` */
export async function startPostgres(settings: readonly string[] = []): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-postgres-"));
  const programs = postgresPrograms() ?? "";
  // PostgreSQL does not run as root.
  const nobody = 65534;
  const as = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if ("uid" in as) chownSync(folder, nobody, nobody);
  const options = { ...as, cwd: folder, env: { HOME: folder } };
  const data = join(folder, "data");
  const initialize = ["-D", data, "-U", "argo", "--auth=trust", "--encoding=UTF8", "--no-sync"];
  execFileSync(join(programs, "initdb"), initialize, { ...options, stdio: "ignore" });
  const flags = ["fsync=off", "listen_addresses=", ...settings].flatMap((setting) => ["-c", setting]);
  return await started(
    folder,
    () =>
      spawn(join(programs, "postgres"), ["-D", data, "-k", folder, ...flags], {
        ...options,
        stdio: "ignore",
      }),
    (sql, more) =>
      execFileSync(
        join(programs, "psql"),
        ["-h", folder, "-U", "argo", "-d", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1", ...more],
        { input: sql, encoding: "utf8", env: {}, maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "pipe"] },
      ),
    ["-A", "-t"],
  );
}

/** @param settings such as `sql_mode=ANSI` */
export async function startMariadb(settings: readonly string[] = []): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-mariadb-"));
  const data = join(folder, "data");
  mkdirSync(data);
  const socket = join(folder, "socket");
  // As root it insists on being told so; anybody else it runs as.
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  const initialize = [
    "--no-defaults",
    `--datadir=${data}`,
    "--auth-root-authentication-method=normal",
    ...user,
  ];
  execFileSync(mariadb.install, initialize, { stdio: "ignore" });
  const flags = ["--no-defaults", `--datadir=${data}`, `--socket=${socket}`, "--skip-networking", ...user];
  return await started(
    folder,
    () =>
      spawn(mariadb.server, [...flags, ...settings.map((setting) => `--${setting}`)], { stdio: "ignore" }),
    (sql, more) =>
      execFileSync(mariadb.client, ["--no-defaults", `--socket=${socket}`, "-u", "root", "test", ...more], {
        input: sql,
        encoding: "utf8",
        env: {},
        maxBuffer: 1 << 28,
        stdio: ["pipe", "pipe", "pipe"],
      }),
    ["--batch", "--skip-column-names", "--raw", "--default-character-set=utf8mb4"],
  );
}

async function started(
  folder: string,
  start: () => ReturnType<typeof spawn>,
  ask: (sql: string, more: readonly string[]) => string,
  forValues: readonly string[],
): Promise<Database> {
  const server = start();
  const ended = once(server, "exit");
  const close = async () => {
    server.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries += 1) {
    try {
      ask("SELECT 1;", []);
      break;
    } catch (error) {
      if (tries < 300 && server.exitCode === null) {
        // Neither tells anybody that it is ready.
        await sleep(100);
        continue;
      }
      await close();
      throw error;
    }
  }
  return {
    run: (sql) => void ask(sql, []),
    value: (query) => ask(query, forValues).replace(/\n$/, ""),
    [Symbol.asyncDispose]: close,
  };
}
