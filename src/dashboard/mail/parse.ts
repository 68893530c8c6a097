// Takes a mail apart for looking at it. Loaded only when one is looked at.
import PostalMime from "postal-mime";

export type Attachment = { name: string; type: string; bytes: Uint8Array; contentId: string | undefined };

export type Mail = {
  headers: { name: string; value: string }[];
  html: string | undefined;
  text: string | undefined;
  attachments: Attachment[];
  /** As it was sent; octets that are no UTF-8 are marked. */
  source: string;
};

/** Never rejects for what is in the bytes: they are read as well as they can be. */
export async function parseMail(bytes: Uint8Array): Promise<Mail> {
  const source = new TextDecoder().decode(bytes);
  const email = await PostalMime.parse(bytes, { attachmentEncoding: "arraybuffer" }).catch(() => undefined);
  return {
    headers: (email?.headers ?? []).map(({ originalKey, key, value }) => ({ name: originalKey ?? key, value })),
    html: email?.html || undefined,
    text: email?.text || undefined,
    attachments: (email?.attachments ?? []).map(({ filename, mimeType, content, contentId }) => ({
      name: filename ?? "",
      type: mimeType,
      bytes: content instanceof ArrayBuffer ? new Uint8Array(content) : new TextEncoder().encode(String(content)),
      contentId: contentId?.replace(/^<|>$/g, ""),
    })),
    source,
  };
}
