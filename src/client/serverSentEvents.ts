// Reads server-sent events (WHATWG HTML, section 9.2) out of a body.

/** Without `data` it is no event, but says by its id where the stream stands. */
export type ServerSentEvent = { id: string; event: string; data: string | undefined };

/** A block is one event of ours; nothing we send is near that. */
const blockCharactersMax = 4 * 1024 * 1024;

/** The events of a body, in order. What is cut off at its end is none. Rejects when the body breaks off, or is no stream of events. */
export async function* readServerSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent, void> {
  const decoder = new TextDecoder();
  let unread = "";
  for await (const chunk of body) {
    unread = (unread + decoder.decode(chunk, { stream: true })).replaceAll("\r\n", "\n");
    const blocks = unread.split("\n\n");
    unread = blocks.pop() ?? "";
    if (unread.length > blockCharactersMax) throw new Error("the answer is no stream of events");
    for (const block of blocks) {
      const event = readBlock(block);
      if (event) yield event;
    }
  }
}

/** One event, or a place in the stream; undefined for a block that is neither, such as a comment. */
function readBlock(block: string): ServerSentEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === undefined) continue;
    fields.set(name, name === "data" && fields.has(name) ? `${fields.get(name)}\n${value}` : value);
  }
  const data = fields.get("data");
  const id = fields.get("id") ?? "";
  return data === undefined && id === "" ? undefined : { id, event: fields.get("event") ?? "message", data };
}
