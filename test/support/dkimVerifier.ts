// Verifies DKIM signatures as receivers do: by mailauth, and by an implementation that shares no line with it (Debian's python3-dkim).
// DNS is a table of the test.
import { execFile, execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";

export type DnsTable = Readonly<Record<string, string>>;

/** The record that publishes a private key's public half (RFC 6376, section 3.6.1; RFC 8463, section 4). */
export function dkimRecord(privateKey: string): string {
  const key = createPublicKey(privateKey);
  const der = key.export({ type: "spki", format: "der" });
  if (key.asymmetricKeyType !== "ed25519") return `v=DKIM1; k=rsa; p=${der.toString("base64")}`;
  // The raw 32 bytes, without the algorithm in front of them.
  return `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString("base64")}`;
}

export type Verdict = { domain: string; selector: string; algorithm: unknown; result: string };

/** What mailauth says of each signature, in their order. */
export async function verifyByMailauth(message: Buffer, dns: DnsTable): Promise<Verdict[]> {
  const { results } = await dkimVerify(message, {
    resolver: async (name: string) => {
      const record = dns[name];
      if (record === undefined) throw Object.assign(new Error(`no record ${name}`), { code: "ENOTFOUND" });
      return [[record]];
    },
  });
  return results
    .filter(({ status }) => status.result !== "none")
    .map(({ signingDomain, selector, status, ...rest }) => ({
      domain: signingDomain,
      selector: selector ?? "",
      algorithm: (rest as { algo?: unknown }).algo,
      result: status.result,
    }));
}

const python = "/usr/bin/python3";

const script = `
import sys, json, dkim
request = json.load(sys.stdin)
message = bytes.fromhex(request["message"])
table = request["dns"]
def dns(name, timeout=5):
    record = table.get(name.decode().rstrip("."))
    return record.encode() if record else None
verifier = dkim.DKIM(message)
count = len([h for h in verifier.headers if h[0].lower() == b"dkim-signature"])
out = []
for index in range(count):
    verifier = dkim.DKIM(message)
    try:
        out.append(bool(verifier.verify(idx=index, dnsfunc=dns)))
    except Exception as error:
        out.append(repr(error))
json.dump(out, sys.stdout)
`;

/** Whether Debian's python3-dkim is there. */
export function hasPythonDkim(): boolean {
  try {
    execFileSync(python, ["-c", "import dkim, nacl"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What python3-dkim says of each signature, in their order: true, false, or why it cannot say. */
export function verifyByPython(message: Buffer, dns: DnsTable): Promise<(boolean | string)[]> {
  return new Promise((resolve, reject) => {
    const child = execFile(python, ["-c", script], { maxBuffer: 1024 ** 2 }, (error, stdout) => {
      if (error) reject(error);
      else resolve(JSON.parse(stdout) as (boolean | string)[]);
    });
    child.stdin?.end(JSON.stringify({ message: message.toString("hex"), dns }));
  });
}
