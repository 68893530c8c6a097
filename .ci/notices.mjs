// What went into the bundles: the licence's text of each package, which is to be passed on with it, and the list that scanners read, as
// they find no package in a bundle by themselves.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageOf } from "./bundleServer.mjs";

/** Licences that ask for no more than their text, and whatever notice comes with it. */
const taken = new Set(["MIT", "MIT-0", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD", "BlueOak-1.0.0", "Unlicense"]);

/** Where a package of this licence brings no text. */
const mitText = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished
to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** What packages carry of others without saying so in package.json. */
const carried = {
  "@fastify/swagger-ui": ({ devDependencies }) => ({
    name: "swagger-ui-dist",
    version: devDependencies["swagger-ui-dist"],
    license: "Apache-2.0",
    text: "Copyright 2020-2021 SmartBear Software Inc.\n\nThe text of this licence: see @opentelemetry/api.",
  }),
};

/** The folders of the packages of which something went into a bundle. */
function foldersOf(metafile, root) {
  const folders = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (packageOf(file)?.folder ?? []) : [])),
  );
  return [...new Set(folders)].map((folder) => join(root, folder));
}

function noticesOf(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version, license, author } = manifest;
  if (!taken.has(license)) throw new Error(`${name} is bundled, but its licence (${license}) is not among those that may be`);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)\b/i.test(file));
  if (files.length === 0 && license !== "MIT") throw new Error(`${name} is bundled, but brings no text of its licence (${license})`);
  const texts = files.sort().map((file) => readFileSync(join(folder, file), "utf8").trim());
  const text = files.length > 0 ? texts.join("\n\n") : `Copyright (c) ${author?.name ?? author ?? `the authors of ${name}`}\n\n${mitText}`;
  return [{ name, version, license, text }, ...(carried[name] ? [carried[name](manifest)] : [])];
}

/**
 * @param metafiles of the bundles, with paths from `root`
 * @returns the packages of which something went in, by name: name, version, licence, and what is to be told of them
 * @throws Error for a package whose licence may not be passed on like this
 */
export function bundledPackages(metafiles, root) {
  const packages = metafiles.flatMap((metafile) => foldersOf(metafile, root)).flatMap(noticesOf);
  const once = new Map(packages.map((one) => [`${one.name} ${one.version}`, one]));
  return [...once.values()].sort(
    (one, other) => one.name.localeCompare(other.name, "en") || one.version.localeCompare(other.version, "en"),
  );
}

/** The text to pass on with the packages. */
export function noticesText(packages) {
  const rule = "-".repeat(80);
  const notices = packages.map(({ name, version, license, text }) => `${rule}\n${name} ${version}\n${license}\n${rule}\n\n${text}\n`);
  return ["Postern's program and its dashboard contain these packages, each under the licence that follows its name.\n", ...notices].join(
    "\n",
  );
}

/** The list as CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/). */
export function billOfMaterials(packages, { name, version }) {
  const purlOf = (one) => `pkg:npm/${one.name.replace("@", "%40")}@${one.version}`;
  const components = packages.map((one) => ({
    type: "library",
    "bom-ref": purlOf(one),
    name: one.name,
    version: one.version,
    licenses: [{ license: { id: one.license } }],
    purl: purlOf(one),
  }));
  const component = { type: "application", "bom-ref": name, name, version };
  return `${JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.5", version: 1, metadata: { component }, components }, null, 2)}\n`;
}
