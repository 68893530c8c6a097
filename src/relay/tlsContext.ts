// Whom we trust and as whom we appear in TLS, made once for a relay: it takes longer than a handshake.
import { X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsOptions } from "../domain/relay.ts";

/** RFC 8996: older versions are to be used no more. */
export const tlsVersionMin = "TLSv1.2";

/**
 * The context for a relay's sessions. Without certificates to trust the public ones count, and those of NODE_EXTRA_CA_CERTS.
 * @throws Error if a certificate or the key cannot be read
 */
export function tlsContextOf({ trustedCertificates, clientCertificate, versionMin = tlsVersionMin }: TlsOptions): SecureContext {
  // createSecureContext passes over what it cannot read.
  if (trustedCertificates !== undefined) new X509Certificate(trustedCertificates);
  return createSecureContext({
    minVersion: versionMin,
    ...(trustedCertificates !== undefined && { ca: trustedCertificates }),
    ...(clientCertificate && { cert: clientCertificate.certificate, key: clientCertificate.key }),
  });
}
