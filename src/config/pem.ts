// Certificates and private keys as text (PEM, RFC 7468): whether they are what they should be, in words.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a text in their order, or what is wrong with it, completing "cert_file: …". */
export function readCertificates(text: string): { certificates: X509Certificate[] } | { fault: string } {
  const blocks = text.match(certificateBlock) ?? [];
  if (blocks.length === 0) return { fault: "holds no certificate: it must be PEM, with -----BEGIN CERTIFICATE-----" };
  try {
    return { certificates: blocks.map((block) => new X509Certificate(block)) };
  } catch {
    return { fault: "holds a certificate that cannot be read: it may be cut off" };
  }
}

/** The private key of a text, or what is wrong with it. */
export function readPrivateKey(text: string): { key: KeyObject } | { fault: string } {
  if (/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(text)) return { fault: "is a public key: the private one is needed" };
  if (/-----BEGIN OPENSSH PRIVATE KEY-----/.test(text)) {
    return { fault: "is a key in the form of OpenSSH: convert it (ssh-keygen -p -m PEM), or make one with openssl genpkey" };
  }
  if (/ENCRYPTED/.test(text)) return { fault: "is protected by a passphrase: take that off (openssl pkey -in KEY -out KEY)" };
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return { fault: "holds no private key: it must be PEM, with -----BEGIN PRIVATE KEY-----" };
  }
  try {
    return { key: createPrivateKey(text) };
  } catch {
    return { fault: "holds a private key that cannot be read: it may be cut off" };
  }
}
