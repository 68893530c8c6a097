// What is answered to bytes that never became a request: no HTTP, headers too large or too slow.
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { newRequestId } from "./requestId.ts";

type Fault = { status: number; code: string; title: string; detail: string };

const malformed: Fault = {
  status: 400,
  code: "malformed_http",
  title: "Not HTTP as we take it",
  detail: "The request is malformed HTTP/1.1.",
};

const faults: Readonly<Record<string, Fault>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: "headers_too_large",
    title: "Headers too large",
    detail: "The headers are larger than 16 KiB.",
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    code: "body_too_large",
    title: "Body too large",
    detail: "The body's chunks have extensions that are too large.",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: "request_timeout",
    title: "The request took too long to arrive",
    detail: "The request did not arrive in time; send it again on a new connection.",
  },
};

/** Connections whose request may take longer to arrive than others. */
const unhurried = new WeakSet<Socket>();

/** Lets this request arrive at its own pace, as a large file does that is read as it comes. Silence ends its connection as ever. */
export function arriveAtItsPace(request: FastifyRequest, reply: FastifyReply): void {
  const { socket } = request.raw;
  unhurried.add(socket);
  reply.raw.once("close", () => unhurried.delete(socket));
}

/** Fastify's handler for errors of a connection: a problem document where the client can still be told, and then the end. */
export function handleClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && unhurried.has(socket)) return;
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, code, title, detail } = faults[error.code ?? ""] ?? malformed;
  const requestId = newRequestId();
  const body = JSON.stringify({ type: `urn:postern:problem:${code}`, title, status, detail, code, request_id: requestId });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      "Content-Type: application/problem+json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
  );
  // Whoever sends on without reading is not waited for.
  socket.setTimeout(1_000, () => socket.destroy());
}
