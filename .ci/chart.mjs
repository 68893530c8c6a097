// The chart's check: lints it, renders it for each file of helm/ci, holds every object to Kubernetes' own schemas (unknown fields too), and
// compares with what was rendered last time (test/helm/golden). Values that contradict each other must be refused, each with the words
// that test/helm/refused.yaml gives. `--write` takes what is rendered now as right.
import { spawnSync } from "node:child_process";
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

const faults = [];

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 ** 2 });
  return { ok: status === 0, out: stdout ?? "", fault: error?.message ?? `${stdout}${stderr}`.trim() };
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
function judgeByType(rendered) {
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
  const { ok, out } = run(process.execPath, [compiler, "--project", drafts, "--pretty", "false"]);
  if (ok) return;
  for (const line of out.trim().split("\n")) {
    const [, name, row] = /([\w-]+)\.ts\((\d+),/.exec(line) ?? [];
    const object = rendered.find((it) => it.name === name)?.objects[Number(row) - 1];
    faults.push(object ? `${name}: ${object.kind} ${object.metadata.name}: ${line.replace(/^.*?: error /, "")}` : line);
  }
}

function compare(name, text) {
  const file = join(golden, `${name}.yaml`);
  if (write) {
    mkdirSync(golden, { recursive: true });
    writeFileSync(file, text);
    return;
  }
  const draft = join(drafts, `${name}.yaml`);
  writeFileSync(draft, text);
  const { ok, fault } = run("diff", ["--unified", file, draft]);
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
  for (const { says, values } of parse(readFileSync(join(root, "test", "helm", "refused.yaml"), "utf8"))) {
    const sets = Object.entries(values).flatMap(([name, value]) => ["--set-json", `${name}=${JSON.stringify(value)}`]);
    const { ok, fault } = run(helm, ["template", "postern", chart, "--values", join(chart, "ci", "trial.yaml"), ...sets]);
    if (ok) faults.push(`${JSON.stringify(values)} is taken, and should be refused: ${says}`);
    else if (!fault.includes(says)) faults.push(`${JSON.stringify(values)} is refused, but not with: ${says}\n${fault}`);
  }
}

const helm = helmProgram();
checkVersion();
checkRefusals();
const names = readdirSync(join(chart, "ci")).map((file) => basename(file, ".yaml"));
const rendered = [];
for (const name of names) {
  const values = ["--values", join(chart, "ci", `${name}.yaml`)];
  const lint = run(helm, ["lint", "--strict", "--quiet", chart, ...values]);
  if (!lint.ok) faults.push(`${name}: ${lint.fault}`);
  const { ok, out, fault } = run(helm, ["template", "postern", chart, "--namespace", "mail", "--kube-version", "1.35.0", ...values]);
  if (!ok) {
    faults.push(`${name}: ${fault}`);
    continue;
  }
  const documents = parseAllDocuments(out, { uniqueKeys: true });
  for (const { errors } of documents) for (const { message } of errors) faults.push(`${name}: ${message}`);
  const objects = documents.map((document) => document.toJS()).filter((object) => object !== null);
  rendered.push({ name, objects, text: out });
}
for (const { name, objects } of rendered) {
  const seen = new Set();
  for (const object of objects) {
    const title = `${object.kind} ${object.metadata.name}`;
    if (seen.has(title)) faults.push(`${name}: ${title} is there twice`);
    seen.add(title);
    await judgeBySchema(object, `${name}: ${title}: `);
  }
}
judgeByType(rendered);
for (const { name, text } of rendered) compare(name, text);
const strangers = readdirSync(golden).filter((file) => !names.includes(basename(file, ".yaml")));
for (const file of strangers) faults.push(`test/helm/golden/${file} has no values file in helm/ci`);

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
