// The send request that the options of `postern send` amount to.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

export type SendOptions = {
  request?: string;
  from?: string;
  to?: string[];
  cc?: string[];
  bcc?: string[];
  subject?: string;
  text?: string;
  html?: string;
  attach?: string[];
  header?: string[];
  tag?: string[];
  lane?: string;
  relay?: string;
  sendAt?: string;
};

/** What people meet when they name files, in their words. */
const faults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read: check its permissions",
  EISDIR: "it is a directory",
};

/** By the end of a file's name; the API takes what is none of these as bytes of no special kind. */
const contentTypes: Readonly<Record<string, string>> = {
  ...{ txt: "text/plain", csv: "text/csv", html: "text/html", ics: "text/calendar", pdf: "application/pdf", json: "application/json" },
  ...{
    png: "image/png",
    jpg: "image/jpeg",
    jpeg: "image/jpeg",
    gif: "image/gif",
    webp: "image/webp",
    svg: "image/svg+xml",
    zip: "application/zip",
  },
};

type Read = (source: string) => Promise<Buffer>;

/**
 * Puts the request together: what a JSON file says, and over it what the other options say. A text or a page may be named as `@file`.
 * @param readInput reads standard input, which `-` stands for, or the text if there is neither another nor a page; undefined on a terminal
 * @returns the request, as the API judges it; or which options cannot be read
 */
export async function sendRequest(
  options: SendOptions,
  readInput: (() => Promise<Buffer>) | undefined,
): Promise<{ request: Record<string, unknown> } | { faults: string[] }> {
  const complaints: string[] = [];
  const read: Read = (source) => {
    if (source !== "-") return readFile(source);
    return readInput?.() ?? Promise.reject(new Error("standard input is a terminal: give a file, or pipe something in"));
  };
  const readFrom = async (option: string, source: string): Promise<Buffer> => {
    try {
      return await read(source);
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      complaints.push(`${option}: ${source}: ${faults[code] ?? message}`);
      return Buffer.alloc(0);
    }
  };
  const textOf = async (option: string, given: string) =>
    given.startsWith("@") ? (await readFrom(option, given.slice(1))).toString() : given;

  const request: Record<string, unknown> =
    options.request === undefined ? {} : readJson(await readFrom("--request", options.request), complaints);
  const { from, to, cc, bcc, subject, lane, relay, sendAt: send_at } = options;
  for (const [name, value] of Object.entries({ from, to, cc, bcc, subject, lane, relay, send_at }))
    if (value !== undefined) request[name] = value;
  if (options.text !== undefined) request.text = await textOf("--text", options.text);
  if (options.html !== undefined) request.html = await textOf("--html", options.html);
  const isBare = request.text === undefined && request.html === undefined && options.request !== "-";
  if (isBare && readInput) request.text = (await readInput()).toString();
  else if (isBare) complaints.push("--text: give the text, @FILE, or pipe it in");
  if (options.tag) request.tags = options.tag;
  if (options.header) request.headers = { ...(request.headers as object | undefined), ...readHeaders(options.header, complaints) };
  if (options.attach) {
    const attachments = options.attach.map(async (path) => {
      const content_type = contentTypes[path.slice(path.lastIndexOf(".") + 1).toLowerCase()];
      return {
        filename: basename(path),
        content: (await readFrom("--attach", path)).toString("base64"),
        ...(content_type && { content_type }),
      };
    });
    request.attachments = [...((request.attachments as unknown[] | undefined) ?? []), ...(await Promise.all(attachments))];
  }
  return complaints.length > 0 ? { faults: complaints } : { request };
}

function readJson(bytes: Buffer, complaints: string[]): Record<string, unknown> {
  if (complaints.length > 0) return {};
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    complaints.push("--request: must hold one JSON object, the body of POST /v1/messages");
  } catch (error) {
    complaints.push(`--request: is not JSON: ${(error as Error).message}`);
  }
  return {};
}

function readHeaders(given: readonly string[], complaints: string[]): Record<string, string> {
  return Object.fromEntries(
    given.flatMap((line) => {
      const at = line.indexOf(":");
      if (at < 1) complaints.push(`--header: ${line}: must be a name, a colon and a value, like "X-Campaign: autumn"`);
      return at < 1 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()]];
    }),
  );
}
