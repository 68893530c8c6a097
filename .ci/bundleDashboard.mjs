// Bundles the dashboard: its scripts and styles become a few small files whose names carry a hash of their content, and a page that
// names them. Nothing in it comes from elsewhere when it runs.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

/** postal-mime brings every entity of HTML, to make text of a mail that has none; the dashboard shows such a mail as it is. */
const withoutEntities = {
  name: "without-entities",
  setup({ onLoad }) {
    onLoad({ filter: /postal-mime.*html-entities\.js$/ }, () => ({ contents: "export const htmlEntities = {};" }));
  },
};

/**
 * Writes `index.html` and `assets/` of the dashboard.
 * @param root the folder with package.json
 * @param source the dashboard's folder; without a `main.tsx` in it nothing is done
 * @param target the folder to write to
 * @returns esbuild's metafile, with paths from `root`
 */
export async function bundleDashboard({ root, source, target }) {
  const entry = join(source, "main.tsx");
  if (!existsSync(entry)) return { inputs: {}, outputs: {} };
  const assets = join(target, "assets");
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: assets,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    metafile: true,
    legalComments: "none",
    logLevel: "warning",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    jsx: "automatic",
    jsxImportSource: "preact",
    plugins: [withoutEntities],
  });
  const made = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint);
  const names = { script: basename(made[0]), style: basename(made[1].cssBundle) };
  for (const file of ["preview.html", "icon.svg"]) names[file] = copyHashed(join(source, file), assets);
  const page = readFileSync(join(source, "page.html"), "utf8").replace(/\{\{([a-z.]+)\}\}/g, (whole, name) => names[name] ?? whole);
  writeFileSync(join(target, "index.html"), page);
  return metafile;
}

/** Copies a file as `name-HASH.ext`; returns that name. */
function copyHashed(file, folder) {
  const content = readFileSync(file);
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 8).toUpperCase();
  const name = basename(file).replace(/(?=\.[a-z]+$)/, `-${hash}`);
  writeFileSync(join(folder, name), content);
  return name;
}
