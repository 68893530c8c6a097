// Whether reports find their way home: the return path's domain must have a mail exchanger (RFC 5321, section 5.1).
import { isIP } from "node:net";
import type { Dns } from "./dns.ts";
import { type Finding, findingsOn } from "./finding.ts";

/** Checks the domain of our return paths. */
export async function checkReturnPath(domain: string, dns: Dns): Promise<Finding[]> {
  const findings = findingsOn("return_path", domain);
  const record = { name: domain, type: "MX", value: "10 <the host where Postern takes reports>." } as const;
  const again = "try again, or ask another server with --dns";
  const found = await dns.mx(domain);
  if (found.kind === "failed") {
    findings.warning(`DNS ${found.why}, so that nobody can tell where bounces would go`, again);
    return findings.list;
  }
  if (found.kind === "none") {
    const addresses = await dns.addresses(domain);
    if (addresses.kind === "found") {
      findings.warning(
        `there is no MX record: bounces go to the domain's own address (${addresses.values.join(", ")})`,
        "publish one that names the host where Postern takes reports (BOUNCE_HOST)",
        record,
      );
    } else {
      findings.fault(
        "there is no MX record: no bounce or complaint ever comes back, and some receivers refuse such senders",
        "publish this record",
        record,
      );
    }
    return findings.list;
  }
  if (found.values.some(({ exchange }) => exchange === "" || exchange === ".")) {
    findings.fault("its MX record says that the domain takes no mail (null MX, RFC 7505)", "publish this record in its place", record);
    return findings.list;
  }
  const exchanges = found.values.toSorted((a, b) => a.priority - b.priority).map(({ exchange }) => exchange);
  for (const exchange of exchanges) {
    if (isIP(exchange) !== 0) {
      findings.fault(`its MX record names the address ${exchange}, and must name a host`, "give that address a name, and name it", record);
      continue;
    }
    const addresses = await dns.addresses(exchange);
    if (addresses.kind === "found")
      findings.ok(
        `bounces go to ${exchange} (${addresses.values.join(", ")}), port 25: what arrives there must reach Postern's BOUNCE_PORT`,
      );
    else if (addresses.kind === "none")
      findings.fault(`its MX record names ${exchange}, which has no address`, `publish an A or AAAA record for ${exchange}`);
    else findings.warning(`DNS ${addresses.why}, so that nobody can tell where its MX ${exchange} is`, again);
  }
  return findings.list;
}
