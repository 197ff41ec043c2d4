/** Steps that kubectl and `argoexec resource` take one after the other. */
export interface Case {
  readonly title: string;
  readonly steps: readonly {
    readonly action: string;
    readonly manifest?: string;
    readonly mergeStrategy?: string;
    readonly flags?: readonly string[];
  }[];
}

const configMap = (name: string, data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {app: "a<b>&"}}\ndata: ${data}\n`.replace(
    '"a<b>&"',
    name,
  );

const deployment = (spec: string, more = "") => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web${more}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: ${spec}
`;

const widget = (spec: string) => `apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: ${spec}
`;

export const cases: readonly Case[] = [
  {
    title: "create makes every document, YAML 1.1 included, and says what is there already",
    steps: [
      { action: "create", manifest: configMap("one", '{n: "3", yes: "1", 0777: oct, 1.50: f, on: "2"}') },
      { action: "create", manifest: configMap("one", "{a: b}") },
      {
        action: "create",
        manifest: `${configMap("two", "{a: b}")}---\n# nothing\n---\n${configMap("one", "{}")}`,
      },
      { action: "create", manifest: configMap("Not_A_Name", "{a: b}") },
      { action: "create", manifest: configMap("three", "{a: 1}") },
      { action: "create", manifest: "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, dada: {}}" },
      { action: "create", manifest: "{apiVersion: v1, kind: Nothing, metadata: {name: x}}" },
      {
        action: "create",
        manifest: "{apiVersion: nowhere.example.com/v1, kind: Nothing, metadata: {name: x}}",
      },
      { action: "create", manifest: "{kind: ConfigMap, metadata: {name: x}}" },
      { action: "create", manifest: "{metadata: {name: x}}" },
      { action: "create", manifest: "a: 'x" },
      {
        action: "create",
        manifest: configMap("other", "{a: b}\nmetadata: {name: other, namespace: elsewhere}"),
      },
      {
        action: "create",
        manifest: `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l1}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l2}}\n`,
      },
      { action: "create", manifest: configMap("saved", "{a: b}"), flags: ["--save-config"] },
    ],
  },
  {
    title: "apply merges a built-in kind three ways, lists by their keys",
    steps: [
      {
        action: "apply",
        manifest: deployment(
          "{containers: [{name: a, image: a:1, env: [{name: X, value: '1'}, {name: Y, value: '2'}], ports: [{containerPort: 80}]}, {name: b, image: b:1}], volumes: [{name: v, emptyDir: {}}]}",
        ),
      },
      {
        action: "patch",
        manifest: deployment(
          "{containers: [{name: c, image: c:1}], tolerations: [{key: k, operator: Exists}]}",
        ),
      },
      {
        action: "apply",
        manifest: deployment(
          "{containers: [{name: b, image: b:2}, {name: a, image: a:1, env: [{name: Y, value: '3'}, {name: Z, value: '4'}], ports: [{containerPort: 80, name: http}, {containerPort: 81}]}], volumes: [{name: v, configMap: {name: one}}]}",
        ),
      },
      {
        action: "apply",
        manifest: deployment(
          "{containers: [{name: b, image: b:2}]}",
          ", labels: {x: 'y'}, annotations: {note: '<&>'}",
        ),
      },
      { action: "apply", manifest: deployment("{containers: [{name: b, image: b:2}]}") },
      { action: "apply", manifest: deployment("{containers: [{name: b, image: b:2, imag: x}]}") },
      { action: "apply", manifest: deployment("{containers: []}") },
    ],
  },
  {
    title: "apply merges config maps, and what somebody else had made",
    steps: [
      { action: "create", manifest: configMap("made", "{a: '1', b: '2'}") },
      { action: "apply", manifest: configMap("made", "{b: '3', c: '4'}") },
      { action: "apply", manifest: configMap("made", "{c: '4', d: null}") },
      { action: "apply", manifest: `${configMap("made", "{e: '5'}")}---\n${configMap("more", "{f: '6'}")}` },
      {
        action: "apply",
        manifest:
          "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, name: a}, {port: 443, name: b}], selector: {a: b}}",
      },
      {
        action: "apply",
        manifest:
          "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 443, name: b, targetPort: 1}, {port: 90, name: c}], selector: {a: c}}",
      },
      { action: "apply", manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: g-}\n" },
    ],
  },
  {
    title: "apply merges custom resources as JSON, large numbers unharmed",
    steps: [
      {
        action: "apply",
        manifest: widget("{n: 9007199254740993, list: [1, 2], map: {a: 1, b: null}, f: 1.5}"),
      },
      { action: "apply", manifest: widget("{n: 9007199254740995, list: [2], map: {c: {d: 1}}, f: 1.0}") },
      { action: "patch", mergeStrategy: "merge", manifest: widget("{other: true}") },
      { action: "apply", manifest: widget("{list: [], map: {}}") },
      { action: "patch", manifest: widget("{strategic: true}") },
    ],
  },
  {
    title: "apply --server-side owns fields, names conflicts, and takes client-side apply over",
    steps: [
      { action: "apply", manifest: configMap("ssa", "{a: '1', b: '2'}"), flags: ["--server-side"] },
      { action: "apply", manifest: configMap("ssa", "{a: '2'}"), flags: ["--server-side"] },
      { action: "patch", mergeStrategy: "merge", manifest: configMap("ssa", "{a: '9'}") },
      { action: "apply", manifest: configMap("ssa", "{a: '3'}"), flags: ["--server-side"] },
      {
        action: "apply",
        manifest: configMap("ssa", "{a: '3'}"),
        flags: ["--server-side", "--force-conflicts"],
      },
      { action: "apply", manifest: configMap("csa", "{a: '1', b: '2'}") },
      { action: "apply", manifest: configMap("csa", "{a: '1'}"), flags: ["--server-side"] },
      { action: "apply", manifest: configMap("csa", "{a: '1', c: '1'}"), flags: ["--server-side"] },
    ],
  },
  {
    title: "patch takes all three kinds, from a manifest or for what the flags name",
    steps: [
      { action: "create", manifest: configMap("p", "{a: '1', b: '2'}") },
      { action: "patch", manifest: configMap("p", "{a: '2'}") },
      { action: "patch", mergeStrategy: "merge", manifest: configMap("p", "{b: null, c: '3'}") },
      {
        action: "patch",
        mergeStrategy: "json",
        manifest: '[{"op": "add", "path": "/data/d", "value": "4"}]',
        flags: ["configmap", "p"],
      },
      { action: "patch", mergeStrategy: "json", manifest: "- {op: remove, path: /data/zz}", flags: ["cm/p"] },
      { action: "patch", mergeStrategy: "json", manifest: "- {op: remove, path: /data/d}", flags: ["cm/p"] },
      { action: "patch", manifest: configMap("absent", "{a: '2'}") },
      { action: "patch", mergeStrategy: "json", manifest: "[]", flags: ["nothing/p"] },
      { action: "patch", mergeStrategy: "json", manifest: "[]", flags: ["deployments.apps/none"] },
    ],
  },
  {
    title: "replace and delete",
    steps: [
      { action: "create", manifest: configMap("r", "{a: '1'}") },
      { action: "replace", manifest: configMap("r", "{b: '2'}") },
      { action: "replace", manifest: configMap("none", "{b: '2'}") },
      { action: "replace", manifest: configMap("r", "{c: '3'}"), flags: ["--force"] },
      { action: "delete", manifest: configMap("r", "{}") },
      { action: "delete", manifest: configMap("r", "{}") },
      { action: "create", manifest: configMap("d1", "{}") },
      { action: "create", manifest: configMap("d2", "{}") },
      { action: "delete", flags: ["configmaps", "d1", "d2"] },
      { action: "create", manifest: configMap("d3", "{}") },
      { action: "delete", flags: ["cm", "-l", "app=d3"] },
      { action: "delete", flags: ["cm"] },
      { action: "delete", flags: ["nothing", "x"] },
      { action: "delete", manifest: configMap("r", "{}"), flags: ["--cascade=sideways"] },
    ],
  },
  {
    title: "get says what is not there, and what is no resource",
    steps: [
      { action: "get", manifest: configMap("absent", "{}") },
      { action: "get", manifest: configMap("absent", "{}"), flags: ["--ignore-not-found"] },
      { action: "get", flags: ["cm", "absent"] },
      { action: "get", flags: ["nothing", "absent"] },
      { action: "get", flags: ["deploy.apps", "absent"] },
      { action: "get", flags: ["widgets.v1.example.com", "absent"] },
      { action: "get", flags: ["po", "a", "-l", "x=y"] },
    ],
  },
];
