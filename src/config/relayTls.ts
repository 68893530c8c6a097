// The TLS options of a relay: whom it trusts, as whom it appears, from which version on.
import { z } from "zod";
import type { TlsMode, TlsOptions } from "../domain/relay.ts";
import type { ConfigFault, Place } from "./faults.ts";
import type { Fields } from "./fields.ts";
import { readCertificates, readPrivateKey } from "./pem.ts";
import { host, oneOf, scalar } from "./values.ts";

/** Files that are large by mistake are no certificates. */
const pem = z.string({ error: "must be text (PEM)" }).max(256 * 1024, { error: "is larger than 256 kB: this is no PEM file" });

export const tlsShape = {
  min_tls_version: scalar("1.2 or 1.3", (text) => {
    const version = /^(?:tlsv?)?(1\.[23])$/i.exec(text)?.[1];
    return version === undefined ? undefined : (`TLSv${version}` as "TLSv1.2" | "TLSv1.3");
  }),
  server_name: host,
  ca: pem,
  cert: pem,
  key: pem,
};

/** The keys of `tlsShape` that may name a file. */
export const tlsTwins = ["ca", "cert", "key"] as const;

/** Judges certificates and keys and how they fit together; undefined where nothing is set. Faults go to the keys that they are about. */
export function settleTls(
  fields: Fields<typeof tlsShape>,
  { mode, placeOf, faults }: { mode: TlsMode; placeOf: (key: string) => Place; faults: ConfigFault[] },
): TlsOptions | undefined {
  const { ca, cert, key, min_tls_version: versionMin, server_name: serverName } = fields;
  const complain = (name: string, text: string) => void faults.push({ ...placeOf(name), text });
  const set = (Object.keys(tlsShape) as (keyof typeof tlsShape)[]).filter((name) => fields[name] !== undefined);
  if (set.length === 0) return undefined;
  if (mode === "none") {
    for (const name of set) complain(name, "has no effect with tls none: leave one of the two out");
    return undefined;
  }
  const trusted = ca === undefined ? undefined : readCertificates(ca);
  if (trusted && "fault" in trusted) complain("ca", trusted.fault);
  const chain = cert === undefined ? undefined : readCertificates(cert);
  if (chain && "fault" in chain) complain("cert", chain.fault);
  const privateKey = key === undefined ? undefined : readPrivateKey(key);
  if (privateKey && "fault" in privateKey) complain("key", privateKey.fault);
  if (cert !== undefined && key === undefined) complain("cert", "needs the private key that belongs to it: set key_file too");
  if (key !== undefined && cert === undefined) complain("key", "needs the certificate that belongs to it: set cert_file too");
  if (chain && "certificates" in chain && privateKey && "key" in privateKey) {
    if (!chain.certificates[0]?.checkPrivateKey(privateKey.key))
      complain("key", "does not belong to the certificate; the certificate of the key itself must be the first in its file");
  }
  return {
    ...(ca !== undefined && { trustedCertificates: ca }),
    ...(cert !== undefined && key !== undefined && { clientCertificate: { certificate: cert, key } }),
    ...(versionMin !== undefined && { versionMin }),
    ...(serverName !== undefined && { serverName }),
  };
}

export const tlsMode = oneOf(["required", "opportunistic", "implicit", "none"] as const satisfies readonly TlsMode[]);
