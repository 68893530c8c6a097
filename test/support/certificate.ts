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

/**
 * Makes a self-signed certificate with openssl, valid for a month unless told otherwise.
 * @param options.name the host name that it is for; default `localhost`, and then for 127.0.0.1 too
 * @param options.days how many days it is valid
 * @param options.expired its time is over
 */
export async function selfSignedCertificate(options: { name?: string; days?: number; expired?: boolean } = {}): Promise<Certificate> {
  const { name = "localhost", days = 30, expired = false } = options;
  const folder = await temporaryFolder({ name: "certificate" });
  const [keyFile, requestFile, certificateFile] = ["key.pem", "request.pem", "certificate.pem"].map((file) => join(folder.path, file)) as [
    string,
    string,
    string,
  ];
  const names = `subjectAltName=DNS:${name}${name === "localhost" ? ",IP:127.0.0.1" : ""}`;
  const request = ["-subj", `/CN=${name}`, "-addext", names, "-addext", "basicConstraints=critical,CA:TRUE", "-out", requestFile];
  await run("openssl", ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile, ...request]);
  const validity = ["-days", String(expired ? -1 : days), "-copy_extensions", "copyall"];
  await run("openssl", ["x509", "-req", "-in", requestFile, "-signkey", keyFile, ...validity, "-out", certificateFile]);
  const [key, cert] = await Promise.all([readFile(keyFile, "utf8"), readFile(certificateFile, "utf8")]);
  return { key, cert, certificateFile, remove: folder.remove };
}
