// Bundles the server: the program and its threads become a few dozen files, with the packages that they use in them, because loading
// each of some thousand modules costs more than running them. Commands stay apart, and what is loaded only when it is needed.
import { cpSync, existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";

/** Optional packages that ours ask for: what they would be good for is not used. They are refused as if they were not installed. */
const leftOut = {
  "@valkey/valkey-glide": "another client that bullmq takes in place of ioredis",
  "msgpackr-extract": "makes msgpackr unpack strings faster; bullmq only packs",
  pg: "another store that bullmq takes in place of Redis",
};

/** Packages that read files of their own while they run, and the folder of them. It is copied to dist/packages/. */
const readsFolder = { "@fastify/swagger-ui": "static" };

/** Packages that name their own place, which is another one in a bundle: why that does no harm. All others are refused. */
const namesItsPlace = {
  "@fastify/swagger": "looks for a title and version that we give",
  bullmq: "starts processors that are files; ours are functions",
  commander: "only in its comments",
  ioredis: "for friendlier stacks, which are not asked for",
  msgpackr: "to look for msgpackr-extract, which is left out",
  pino: "starts transports, of which there are none",
  "thread-stream": "starts pino's transports, of which there are none",
  undici: "asks first whether there is such a name",
};

/** The package that a bundled file is of, and the rest of its path; undefined for a file of ours. */
export function packageOf(file) {
  const found = /^(.*\bnode_modules\/((?:@[^/]+\/)?[^/]+))\/(.*)$/.exec(file);
  return found ? { folder: found[1], name: found[2], path: found[3] } : undefined;
}

/** What is left of CommonJS in a chunk asks for Node's own modules by `require`. */
const banner = 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

/**
 * Bundles the program, `main.ts`, and every thread that the sources name.
 * @param root the folder with package.json
 * @param source the sources' folder
 * @param target the folder to write to; what else the server reads there must be in place already
 * @param files the paths of all sources
 * @returns esbuild's metafile, with paths from `root`
 * @throws Error saying which assumption about a module does not hold
 */
export async function bundleServer({ root, source, target, files }) {
  const modules = files.filter((file) => file.endsWith(".ts")).map((file) => ({ file, text: readFileSync(file, "utf8") }));
  const placed = modules.filter(({ text }) => text.includes("import.meta"));
  for (const module of placed) checkAddresses(module, { source, target });
  const threads = placed.flatMap(({ file, text }) => threadsOf(text).map((thread) => join(dirname(file), thread)));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join(source, "main.ts"), ...threads],
    outdir: target,
    outbase: source,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.18",
    metafile: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "warning",
    banner: { js: banner },
    plugins: [placesOfOurs(placed, source), foldersOfPackages(target), refuseLeftOut],
  });
  checkPlaces(metafile, { root, target, placed });
  checkPackages(metafile, root);
  return metafile;
}

const threadAddress = /new URL\(isSource \? "(\.\/[\w/-]+\.ts)" : "\.\/[\w/-]+\.js", import\.meta\.url\)/g;

function threadsOf(text) {
  return [...text.matchAll(threadAddress)].map(([, thread]) => thread);
}

/** Fails for a module of ours that reads something which is not there, or in a way that is not understood here. */
function checkAddresses({ file, text }, { source, target }) {
  const rest = text.replace(threadAddress, "").replaceAll('import.meta.url.endsWith(".ts")', "");
  for (const [line] of rest.matchAll(/^.*import\.meta.*$/gm)) {
    const address = /new URL\("(\.\.?\/[^"]*)", import\.meta\.url\)/.exec(line)?.[1];
    if (address && existsSync(join(target, dirname(relative(source, file)), address))) continue;
    throw new Error(`${file} reads what the build does not find in dist/, or in a way that it does not know:\n${line}`);
  }
}

/** All chunks lie in dist/'s root, wherever their modules come from: one that asks for its own URL is told where it would lie by itself. */
function placesOfOurs(placed, source) {
  const texts = new Map(placed.map(({ file, text }) => [file, text]));
  return {
    name: "places-of-ours",
    setup({ onLoad }) {
      if (texts.size === 0) return;
      const names = [...texts.keys()].map((file) => file.replace(/[^\w/]/g, "\\$&"));
      onLoad({ filter: new RegExp(`^(${names.join("|")})$`) }, ({ path }) => {
        const place = `./${relative(source, path).replace(/\.ts$/, ".js")}`;
        return { contents: texts.get(path).replaceAll("import.meta.url", `new URL("${place}", import.meta.url).href`), loader: "ts" };
      });
    },
  };
}

/** Copies the folders that packages read, and leads the packages there. */
function foldersOfPackages(target) {
  const name = "folders-of-packages";
  return {
    name,
    setup({ onLoad, onResolve }) {
      const names = Object.keys(readsFolder).join("|");
      onLoad({ filter: new RegExp(`/node_modules/(${names})/.*\\.js$`) }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        if (!text.includes("__dirname")) return undefined;
        const { folder, name: wanted, path: file } = packageOf(path);
        const place = join("packages", wanted);
        cpSync(join(folder, readsFolder[wanted]), join(target, place, readsFolder[wanted]), { recursive: true });
        return { contents: text.replaceAll("__dirname", `require("folder:./${join(place, dirname(file))}").folder`) };
      });
      onResolve({ filter: /^folder:/ }, ({ path }) => ({ path: path.slice("folder:".length), namespace: name }));
      onLoad({ filter: /.*/, namespace: name }, ({ path }) => ({
        contents: `import { fileURLToPath } from "node:url"; export const folder = fileURLToPath(new URL("${path}", import.meta.url));`,
      }));
    },
  };
}

const refuseLeftOut = {
  name: "refuse-left-out",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: new RegExp(`^(${Object.keys(leftOut).join("|")})$`) }, ({ path }) => ({ path, namespace: "left-out" }));
    onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
      contents: `throw Object.assign(new Error("Postern comes without ${path}"), { code: "MODULE_NOT_FOUND" });`,
    }));
  },
};

/** Fails for a module that asks for its own URL and has come to lie below dist/'s root, where the answer would be wrong. */
function checkPlaces(metafile, { root, target, placed }) {
  const asking = new Set(placed.map(({ file }) => relative(root, file)));
  for (const [output, { inputs }] of Object.entries(metafile.outputs)) {
    if (dirname(join(root, output)) === target) continue;
    const wrong = Object.keys(inputs).find((input) => asking.has(input) || input.startsWith("folders-of-packages:"));
    if (!wrong) continue;
    throw new Error(`${wrong} asks for its own URL, and only ${relative(target, join(root, output))} has it, which is not in dist/'s root`);
  }
}

/** Fails for a package that the bundle would look for outside, or that asks for its own place. */
function checkPackages(metafile, root) {
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    // A newer Node has modules that this one does not know.
    const isNodes = (path) => path.startsWith("node:") || isBuiltin(path);
    const outside = imports.find(({ external, path }) => external && path !== "<runtime>" && !isNodes(path));
    if (outside) throw new Error(`${file} asks for ${outside.path}, which is not installed: install it, or leave it out`);
    const name = packageOf(file)?.name;
    if (!name || name in namesItsPlace || name in readsFolder) continue;
    const place = /\b__dirname\b|\b__filename\b|\bimport\.meta\b/.exec(readFileSync(join(root, file), "utf8"))?.[0];
    if (place) throw new Error(`${file} names its own place (${place}), which is another one in a bundle: see whether that matters`);
  }
}
