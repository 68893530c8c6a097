// The chart's check: lints it, renders it for each file of helm/ci, holds every object to Kubernetes' own schemas (unknown fields too), and
// compares with what was rendered last time (test/helm/golden). Values that contradict each other must be refused, each with the words
// that test/helm/refused.yaml gives, and helm/README.md must tell of every value and give examples that are taken. `--write` takes what is rendered now as right.
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { helmProgram } from "./helmProgram.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const chart = join(root, "helm");
const golden = join(root, "test", "helm", "golden");
const drafts = join(root, "node_modules", ".cache", "chart");
const write = process.argv.includes("--write");

/** Which package has an object's type and schema, by its API group. */
const models = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "keda.sh": "@kubernetes-models/keda",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
};

/** Values that are handed on as they are, and one shape of many. */
const opaque = ["resources", "existingSecret", "labels", "podSecurityContext", "securityContext"];

const faults = [];

/** So many programs run at a time; each takes its turn behind one of them. */
const turns = [1, 2, 3].map(() => Promise.resolve());
let asked = 0;

/** Runs a program to its end, whatever that is; `input` is what it reads. */
function run(command, args, input = "") {
  const outcome = () =>
    new Promise((resolve) => {
      const child = execFile(command, args, { maxBuffer: 64 * 1024 ** 2 }, (error, out, err) => {
        resolve({ ok: !error, out, fault: `${out}${err}`.trim() || `${error?.message}` });
      });
      // Most read nothing, and may have ended already.
      child.stdin.on("error", () => undefined);
      child.stdin.end(input);
    });
  const turn = asked++ % turns.length;
  turns[turn] = turns[turn].then(outcome);
  return turns[turn];
}

function moduleOf({ apiVersion }) {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return `${models[group] ?? "kubernetes-models"}/${apiVersion}`;
}

async function judgeBySchema(object, place) {
  const { [object.kind]: Model } = await import(moduleOf(object));
  try {
    new Model(object).validate();
  } catch (error) {
    for (const { instancePath, message } of error.errors ?? [error]) faults.push(`${place}${instancePath ?? ""} ${message}`);
  }
}

/** The schemas let unknown fields pass, where Kubernetes drops them silently: the types do not. */
async function judgeByType(rendered) {
  rmSync(drafts, { recursive: true, force: true });
  mkdirSync(drafts, { recursive: true });
  for (const { name, objects } of rendered) {
    const lines = objects.map(
      (object, index) =>
        `/* ${object.kind} ${object.metadata.name} */ export const object${index}: import("${moduleOf(object)}").I${object.kind} = ${JSON.stringify(object)};`,
    );
    writeFileSync(join(drafts, `${name}.ts`), `${lines.join("\n")}\n`);
  }
  const options = {
    ...{ noEmit: true, strict: true, module: "nodenext", moduleResolution: "nodenext", target: "es2022", skipLibCheck: true },
    types: [],
  };
  writeFileSync(join(drafts, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { ok, out } = await run(process.execPath, [compiler, "--project", drafts, "--pretty", "false"]);
  if (ok) return;
  for (const line of out.trim().split("\n")) {
    const [, name, row] = /([\w-]+)\.ts\((\d+),/.exec(line) ?? [];
    const object = rendered.find((it) => it.name === name)?.objects[Number(row) - 1];
    faults.push(object ? `${name}: ${object.kind} ${object.metadata.name}: ${line.replace(/^.*?: error /, "")}` : line);
  }
}

async function compare(name, text) {
  const file = join(golden, `${name}.yaml`);
  if (write) {
    mkdirSync(golden, { recursive: true });
    writeFileSync(file, text);
    return;
  }
  const draft = join(drafts, `${name}.yaml`);
  writeFileSync(draft, text);
  const { ok, fault } = await run("diff", ["--unified", file, draft]);
  if (!ok) faults.push(`${relative(root, file)} is not what is rendered now; if that is right: npm run chart\n${fault}`);
}

function checkVersion() {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  if (!readFileSync(join(chart, "Chart.yaml"), "utf8").includes(`\nappVersion: ${version}\n`)) {
    faults.push(`helm/Chart.yaml: appVersion is not ${version}, the version in package.json`);
  }
}

/** Each case stands on the values of helm/ci/trial.yaml, which are good. */
function checkRefusals() {
  const cases = parse(readFileSync(join(root, "test", "helm", "refused.yaml"), "utf8"));
  return Promise.all(
    cases.map(async ({ says, values }) => {
      const sets = Object.entries(values).flatMap(([name, value]) => ["--set-json", `${name}=${JSON.stringify(value)}`]);
      const { ok, fault } = await run(helm, ["template", "postern", chart, "--values", join(chart, "ci", "trial.yaml"), ...sets]);
      if (ok) faults.push(`${JSON.stringify(values)} is taken, and should be refused: ${says}`);
      else if (!fault.includes(says)) faults.push(`${JSON.stringify(values)} is refused, but not with: ${says}\n${fault}`);
    }),
  );
}

/** The examples of the chart's page are values that it takes. */
function checkExamples() {
  const page = readFileSync(join(chart, "README.md"), "utf8");
  return Promise.all(
    [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(async ([, values]) => {
      const { ok, fault } = await run(helm, ["template", "postern", chart, "--values", "-"], values);
      if (!ok) faults.push(`helm/README.md: ${fault}\n${values}`);
    }),
  );
}

/** Every value stands on the page: by its whole name, or by its own in the row of its block. The workers' are those of the API. */
function checkDocumented() {
  const rows = readFileSync(join(chart, "README.md"), "utf8").match(/^\| `.*$/gm) ?? [];
  const isTold = (path, key) => {
    const code = (text) => `\`${text}\``;
    const block = code(path.join("."));
    return rows.some(
      (row) => row.includes(code([...path, key].join("."))) || (row.split("|")[1].includes(block) && row.includes(code(key))),
    );
  };
  const visit = (values, path) => {
    for (const [key, value] of Object.entries(values)) {
      const isBlock = typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0;
      if (isBlock && !opaque.includes(key)) visit(value, [...path, key]);
      else if (!isTold(path, key) && !isTold(["api", ...path.slice(1)], key))
        faults.push(`helm/README.md: ${[...path, key].join(".")} is missing`);
    }
  };
  visit(parse(readFileSync(join(chart, "values.yaml"), "utf8")), []);
}

/** @returns the objects for one file of helm/ci; undefined, with a fault said, if it does not come to any */
async function render(name) {
  const values = ["--values", join(chart, "ci", `${name}.yaml`)];
  const template = ["template", "postern", chart, "--namespace", "mail", "--kube-version", "1.35.0", ...values];
  const [lint, { ok, out, fault }] = await Promise.all([run(helm, ["lint", "--strict", "--quiet", chart, ...values]), run(helm, template)]);
  if (!lint.ok) faults.push(`${name}: ${lint.fault}`);
  if (!ok) {
    faults.push(`${name}: ${fault}`);
    return undefined;
  }
  const documents = parseAllDocuments(out);
  for (const { errors } of documents) for (const { message } of errors) faults.push(`${name}: ${message}`);
  return { name, objects: documents.map((document) => document.toJS()).filter((object) => object !== null), text: out };
}

const helm = helmProgram();
checkVersion();
checkDocumented();
const names = readdirSync(join(chart, "ci")).map((file) => basename(file, ".yaml"));
const rendering = Promise.all(names.map(render));
const refused = checkRefusals();
const examined = checkExamples();
const rendered = (await rendering).filter((it) => it !== undefined);
for (const { name, objects } of rendered) {
  const seen = new Set();
  for (const object of objects) {
    const title = `${object.kind} ${object.metadata.name}`;
    if (seen.has(title)) faults.push(`${name}: ${title} is there twice`);
    seen.add(title);
    await judgeBySchema(object, `${name}: ${title}: `);
  }
}
await judgeByType(rendered);
for (const { name, text } of rendered) await compare(name, text);
for (const file of readdirSync(golden)) {
  if (!names.includes(basename(file, ".yaml"))) faults.push(`test/helm/golden/${file} has no values file in helm/ci`);
}
await Promise.all([refused, examined]);

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
