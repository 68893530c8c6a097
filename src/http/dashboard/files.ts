// The dashboard's files as the build left them, in memory: a few small ones, each also compressed.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

export type DashboardFile = { type: string; content: Buffer; gzipped: Buffer; etag: string };
export type DashboardFiles = { page: DashboardFile; assets: ReadonlyMap<string, DashboardFile> };

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/**
 * Reads the files.
 * @param folder holds `index.html` and `assets/`
 * @param marks what `index.html` says in place of `%name%`: plain words
 * @returns undefined where the dashboard is not built, as in a folder of sources
 */
export function readDashboard(folder: string, marks: Readonly<Record<string, string>>): DashboardFiles | undefined {
  const index = join(folder, "index.html");
  if (!existsSync(index)) return undefined;
  const page = readFileSync(index, "utf8").replace(/%([a-z]+)%/g, (whole, name: string) => marks[name] ?? whole);
  const assets = join(folder, "assets");
  const names = readdirSync(assets).filter((name) => extname(name) in types);
  return {
    page: fileOf(".html", Buffer.from(page)),
    assets: new Map(names.map((name) => [name, fileOf(extname(name), readFileSync(join(assets, name)))])),
  };
}

function fileOf(extension: string, content: Buffer): DashboardFile {
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 22);
  const type = types[extension] ?? "application/octet-stream";
  return { type, content, gzipped: gzipSync(content, { level: 9 }), etag: `"${hash}"` };
}
