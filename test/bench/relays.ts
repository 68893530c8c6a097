// Relays that are not just a sink next door: far away, or behind TLS and a login.
import { selfSignedCertificate } from "../support/certificate.ts";
import type { CountingSink } from "./countingSink.ts";
import { built } from "./stack.ts";
import type { WireOrder } from "./wire.ts";
import { startWorkshop } from "./workshop.ts";

/** A relay so many milliseconds of round trip away. */
export function farRelay(roundTripMs: number) {
  return (sink: CountingSink) =>
    built(async (stack) => {
      const wire = await stack.add(startWorkshop<WireOrder, { port: number }>("wire.ts"));
      const { port } = await wire.ask({ targetPort: sink.port, roundTripMs });
      return { url: `smtp://127.0.0.1:${port}?tls=none`, relay: { port }, stop: stack.stop };
    });
}

const login = { user: "postern", pass: "long-and-secret" };

/** A relay that speaks TLS from the first byte, with a certificate that is checked, and takes a login: smtp-sink takes any. */
export function securedRelay(sink: CountingSink) {
  return built(async (stack) => {
    const certificate = await selfSignedCertificate();
    await stack.add(Promise.resolve({ stop: certificate.remove }));
    const wire = await stack.add(startWorkshop<WireOrder, { port: number }>("wire.ts"));
    const { port } = await wire.ask({ targetPort: sink.port, tls: { key: certificate.key, cert: certificate.cert } });
    const url = new URL(`smtps://${login.user}:${login.pass}@127.0.0.1:${port}`);
    url.searchParams.set("ca_file", certificate.certificateFile);
    return { url: url.href, relay: { port, login, ca: certificate.cert }, stop: stack.stop };
  });
}
