// A throw-away TLS certificate for test servers. A client may trust it by `ca`, or by NODE_EXTRA_CA_CERTS=`certificateFile`.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "./temporaryFolder.ts";

const run = promisify(execFile);

export type Certificate = {
  /** PEM. */
  key: string;
  cert: string;
  certificateFile: string;
  remove(): Promise<void>;
};

/** Makes a self-signed certificate with openssl, valid for a day for `localhost` and 127.0.0.1. */
export async function selfSignedCertificate(): Promise<Certificate> {
  const folder = await temporaryFolder({ name: "certificate" });
  const keyFile = join(folder.path, "key.pem");
  const certificateFile = join(folder.path, "certificate.pem");
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  await run("openssl", ["req", ...kind, ...name, "-keyout", keyFile, "-out", certificateFile]);
  const [key, cert] = await Promise.all([readFile(keyFile, "utf8"), readFile(certificateFile, "utf8")]);
  return { key, cert, certificateFile, remove: folder.remove };
}
