// Runs the built client as a runtime with nothing but Web APIs would: in a context of its own, without Node's globals, where every import but of
// the client's own files fails. Started with --experimental-vm-modules; the arguments are the client's file and a gateway's URL.
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import vm from "node:vm";

const [entry, url] = process.argv.slice(2);

// What the WinterTC Minimum Common API (ECMA-429) has, and the client may rely on.
const { AbortController, AbortSignal, Blob, Headers, ReadableStream, Request, Response, TextDecoder, TextEncoder, URL, URLSearchParams } =
  globalThis;
const { atob, btoa, clearTimeout, crypto, DOMException, fetch, setTimeout } = globalThis;
const context = vm.createContext({
  ...{ AbortController, AbortSignal, Blob, Headers, ReadableStream, Request, Response, TextDecoder, TextEncoder, URL, URLSearchParams },
  ...{ atob, btoa, clearTimeout, crypto, DOMException, fetch, setTimeout },
});

const modules = new Map();
function moduleAt(path) {
  if (!path.startsWith(dirname(entry))) throw new Error(`the client imports ${path}`);
  const read = async () => new vm.SourceTextModule(await readFile(path, "utf8"), { context, identifier: path });
  if (!modules.has(path)) modules.set(path, read());
  return modules.get(path);
}

async function link(specifier, { identifier }) {
  if (!specifier.startsWith("./")) throw new Error(`${identifier} imports ${specifier}`);
  return moduleAt(resolve(dirname(identifier), specifier));
}

const script = `
  import { createClient, PosternError, verifyWebhook } from "./client.js";
  const client = createClient({ url: ${JSON.stringify(url)}, apiKey: "key", retries: 0 });
  const mail = { from: "a@example.com", to: "b@example.net", text: "x", attachments: [{ filename: "a", content: new Uint8Array([0, 255]) }] };
  export const sent = await client.messages.send(mail);
  export const events = [];
  for await (const { id } of client.events.follow()) { events.push(id); break; }
  export const refusal = await client.messages.get("msg_none").catch((error) => error instanceof PosternError && error.code);
  export const webhook = await verifyWebhook(await client.captured.get("webhook"));
`;
const trial = new vm.SourceTextModule(script, { context, identifier: resolve(dirname(entry), "trial.mjs") });
await trial.link(link);
await trial.evaluate();
const { sent, events, refusal, webhook } = trial.namespace;
process.stdout.write(JSON.stringify({ sent, events, refusal, webhook, modules: modules.size }));
