// Fetches what an SNS endpoint has for us: certificates, and the answer to a confirmation. Small and quick, or not at all.
import { Agent, type Dispatcher, request } from "undici";
import type { FetchFromSns } from "./snsSignature.ts";

const timeoutMs = 5_000;
/** A certificate has some 2 KiB, the answer to a confirmation less. */
const bodyBytesMax = 32 * 1024;

/**
 * Makes the fetcher, which trusts the system's authorities. `close` cuts what is under way.
 * @param dispatcher in place of connections by name
 */
export function createSnsFetcher(dispatcher: Dispatcher = new Agent({ connections: 4, connect: { timeout: timeoutMs } })): {
  fetchFromSns: FetchFromSns;
  close(): Promise<void>;
} {
  return {
    async fetchFromSns(url) {
      if (url.protocol !== "https:") throw new Error("an SNS endpoint is asked by https alone");
      const signal = AbortSignal.timeout(timeoutMs);
      // undici follows no redirect unless it is told to.
      const { statusCode: status, body } = await request(url, { dispatcher, signal, headersTimeout: timeoutMs });
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length;
        // Leaving the loop destroys the body and its connection.
        if (size > bodyBytesMax) throw new Error(`the answer of ${url.host} is larger than ${bodyBytesMax} octets`);
        chunks.push(chunk);
      }
      return { status, body: Buffer.concat(chunks).toString() };
    },
    close: () => dispatcher.destroy(),
  };
}
