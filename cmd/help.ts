/** What `--help` prints: loaded only when somebody asks. */

interface Help {
  /** Behind `argoexec`. */
  readonly usage: string;
  readonly about: string;
  readonly flags?: string;
}

const overview = `argoexec, the executor of Argo Workflows (Outrider)

Usage: argoexec COMMAND [flags] [arguments]

In a workflow's pods, started by the controller:
  init, wait, supervisor, agent init, agent main, resource, data, artifact delete, artifact-plugin-init,
  artifact-plugin-sidecar, emissary, kill

On your desk:
  run FILE             run a template without a cluster
  expr EXPRESSION      evaluate an expression
  sync COMMAND         copy, compare and clean artifact repositories
  version              print the version

argoexec COMMAND --help tells more about each.
`;

const commonFlags = `Flags of every command:
      --loglevel LEVEL      debug, info, warn or error (default info)
      --log-format FORMAT   text or json (default text)
  -h, --help                this text
`;

const connectionFlags = `Flags of the connection to Kubernetes, as kubectl has them:
      --kubeconfig FILE     instead of the pod's service account
      --context NAME        of the kubeconfig
  -n, --namespace NAME
  -s, --server URL          --token, --certificate-authority, --tls-server-name, --insecure-skip-tls-verify
Accepted and without effect: --as, --as-group, --as-uid, --client-certificate, --client-key, --cluster,
  --disable-compression, --gloglevel, --password, --proxy-url, --request-timeout, --user, --username
`;

const helps: Readonly<Record<string, Help>> = {
  init: {
    usage: "init [flags]",
    about: `The first container of a step: stages the template, the script and the program, and loads the input artifacts.
The controller starts it with ARGO_TEMPLATE and more variables; docs/environment.md has those that are yours to set.`,
    flags: connectionFlags,
  },
  wait: {
    usage: "wait [flags]",
    about: `Runs beside a step: sleeps until the step has ended, saves its outputs and logs, and reports them.
The controller starts it.`,
    flags: connectionFlags,
  },
  supervisor: {
    usage: "supervisor [flags]",
    about: `init and wait in one container, in pods without init containers. The controller starts it.`,
    flags: connectionFlags,
  },
  "artifact-plugin-init": {
    usage: "artifact-plugin-init --plugin-name NAME [flags] -- COMMAND [ARGUMENT...]",
    about: `Starts the server of an artifact plugin in its own image, and loads the input artifacts that it keeps
(docs/plugins.md). The controller starts it.`,
  },
  agent: {
    usage: "agent init | main [flags]",
    about: `Serves the HTTP and plugin templates of a workflow (docs/agent.md). The controller starts both containers:
init makes the tokens of plugins, main does the work.`,
    flags: connectionFlags,
  },
  resource: {
    usage: "resource get | create | apply | delete | replace | patch [flags]",
    about: `The main container of a resource template (docs/resource.md): does what kubectl would, waits for the
conditions, and reports the output parameters. The controller starts it.`,
    flags: connectionFlags,
  },
  data: {
    usage: "data JSON [flags]",
    about: `The main container of a data template (docs/data.md): lists keys, transforms the list, reports it.
The controller starts it.`,
    flags: connectionFlags,
  },
  artifact: {
    usage: "artifact delete [flags]",
    about: `The artifact garbage collection job: deletes what the tasks of its pod list. The controller starts it.`,
    flags: connectionFlags,
  },
  sync: {
    usage: "sync plan | run | verify SOURCE TARGET, sync orphans | gc REPOSITORY, sync rewrite MAP [flags]",
    about: `Copies an artifact repository to another store (docs/sync.md). A repository is a URL such as
s3://bucket/prefix?endpoint=http://minio:9000, gs://, azure://, oss:// or file:///folder, a file with the controller's
artifactRepository, or configmap/NAME[#KEY] of the cluster.
  plan      says what run would do, and changes nothing
  run       copies; the target is right when it ends with 0
  verify    compares content, and copies nothing
  orphans   objects that belong to no workflow, outputs that are gone; deletes from a list (docs/sync/orphans.md)
  gc        finishes what artifact GC has left undone (docs/sync/orphans.md)
  rewrite   moves locations that artifacts carry in full (docs/sync/rewrite.md)
Exit status: 0 done, 10 partial and a retry helps, 20 a person has to act, 64 used wrongly.`,
    flags: `Flags:
      --prefix PREFIX            only keys that begin with it
      --include, --exclude GLOB  only such keys, or all but them; may be repeated
      --delete                   delete in the target what the source does not have
      --max-delete N             delete nothing where there is more than this to delete (default 1000)
      --bandwidth RATE           such as 50M: bytes a second
      --requests-per-second N
      --transfers N              objects in flight (default 64)
      --source-secrets DIR, --target-secrets DIR
                                 folders with secrets as files NAME/KEY
      --shards N, --shard I      do the Ith of N shares (each lists all); or, after plan --shards N --shards-out FILE,
                                 --shard ITEM with one of its items
      --journal FILE             instead of one in the target
      --since last|CURSOR        only what has changed in the cluster since the last run (docs/sync.md)
      --threads N                parts of one object in flight (default 4)
      --copy-in-parts-from SIZE  larger objects are copied inside the service part by part (default 5G, what S3 asks for)
      --look-up                  warn of what the target's bucket does by itself; plan always does
      --abort-uploads AGE        give up older unfinished multipart uploads of the target
      --report FILE              .json, .prom or .html; may be repeated
Flags that choose by what is known of workflows (docs/sync/selection.md):
      --workflow, --template, --artifact GLOB
      --selector SELECTOR, --phase PHASE
      --older-than, --newer-than AGE
      --key-format FORMAT        how keys are made, where the repository's configuration does not say
      --workflows FILE           manifests of workflows
      --argo-server URL          whose archive is read, with ARGO_TOKEN or --argo-token-file FILE
      --without-cluster, --without-archive
Flags of orphans:
      --list FILE                written without --delete, and read with it
      --retain [PHASE=]AGE       let go of artifacts of workflows that ended so long ago; may be repeated
      --keep-last N              but keep those of the newest N workflows of each origin
      --exclusive                the repository is used by the namespace that is read, and no other
      --accept-no-workflows, --accept-fewer-workflows
Flags of gc:
      --patch-status, --remove-finalizer
Flags of rewrite:
      --apply, --templates
      --sql FILE                 statements for the archive, --sql-dialect postgres or mysql

${connectionFlags}`,
  },
  run: {
    usage: "run FILE [flags]",
    about: `Runs one template of a workflow on this machine, without a cluster (docs/run.md). FILE is YAML: a Workflow,
WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow, or a bare template.`,
    flags: `Flags:
      --template NAME       which template (default: the entrypoint, or the only one that can run)
  -p, --param NAME=VALUE    a parameter, or any other variable of the template; may be repeated
  -a, --artifact NAME=PATH  a file or folder as input artifact; may be repeated
      --out DIR             where outputs go (default argo-out)
      --keep                keep the private folder with all that the containers left
  -v, --verbose             show the executor's own log, too
      --repository FILE     an artifact repository of your own, as in the controller's configuration
      --s3-endpoint URL     the same for S3, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
      --s3-bucket NAME      needed with --s3-endpoint
`,
  },
};

/** The help of a command; the overview where the command is none or unknown. */
export function helpOf(command: string | undefined): string {
  const help = command !== undefined && Object.hasOwn(helps, command) ? helps[command] : undefined;
  if (help === undefined) return overview;
  const parts = [`Usage: argoexec ${help.usage}\n`, `${help.about}\n`, help.flags ?? "", commonFlags];
  return parts.filter((part) => part !== "").join("\n");
}
