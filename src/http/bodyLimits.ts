// How large a body may be, where a message of a certain size has to fit into it.

/** Bytes of a JSON body that may hold a message of so many finished bytes: base64 in JSON, and room for the rest. */
export function bodyBytesMax(messageBytesMax: number): number {
  return Math.ceil(messageBytesMax * 1.4) + 1024 * 1024;
}
