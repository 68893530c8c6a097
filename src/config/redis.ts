// REDIS_URL: where Redis is, as plain data.
import type { RedisTarget } from "../domain/redisTarget.ts";
import { type ConfigFault, insideQuery } from "./faults.ts";
import { type Fields, readFields, type Shape } from "./fields.ts";
import { takeAddress, takeUrl, type UrlParts } from "./url.ts";
import { credential, flag } from "./values.ts";

type Address = { host: string; port: number };
const tlsSchemes = ["rediss", "rediss+sentinel"];
const sentinelSchemes = ["redis+sentinel", "rediss+sentinel"];
const socketSchemes = ["unix", "redis+unix"];
const schemes = ["redis", "rediss", ...sentinelSchemes, ...socketSchemes];
/** What Redis' own documentation and most charts call it. */
const defaultMasterName = "mymaster";

const tlsOptions = { verify: flag };
const clusterOptions = { cluster: flag };
const sentinelOptions = { sentinel_username: credential, sentinel_password: credential };

/** The parts of each URL in the text: a list of whole URLs repeats the scheme, a list of hosts does not. Undefined if one is faulty. */
function takeParts(text: string, complain: (problem: string) => void): [UrlParts, ...UrlParts[]] | undefined {
  const parts: UrlParts[] = [];
  let faulty = false;
  for (const piece of text.split(/,(?=rediss?:\/\/)/i)) {
    const taken = takeUrl(piece, schemes);
    if ("value" in taken) parts.push(taken.value);
    else taken.faults.forEach(complain);
    faulty ||= "faults" in taken;
  }
  const [first, ...others] = parts;
  if (!first || faulty) return undefined;
  for (const other of others) {
    if (other.scheme !== first.scheme) complain("mixes redis:// and rediss://: all nodes of a cluster need the same");
    if ((other.user ?? first.user) !== first.user || (other.pass ?? first.pass) !== first.pass) {
      complain("holds more than one login: all nodes of a cluster share one, so give it once, at the first node");
    }
  }
  return [first, ...others];
}

/** The servers that the URL names; empty if one of them is not readable. */
function takeServers(parts: readonly UrlParts[], defaultPort: number, complain: (problem: string) => void): Address[] {
  const servers = parts.flatMap((part) => part.hosts.split(",").map(takeAddress));
  const readable = servers.filter((server) => server !== undefined);
  if (readable.length === servers.length) return readable.map((server) => ({ port: defaultPort, ...server }));
  complain("must name each server as host, host:port or [IPv6]:port, with commas between them");
  return [];
}

function takeDatabase(segments: readonly (string | undefined)[], example: string, complain: (problem: string) => void): number {
  const [text = ""] = segments;
  if (segments.length > 1 || !/^\d{0,6}$/.test(text)) complain(`must end with the number of a database, like ${example}, or without one`);
  return Number(text);
}

/**
 * `redis://user:pass@host:6379/0`, `rediss://…`, `unix:///run/redis.sock`, `redis+sentinel://a:26379,b:26379/master/0` and, for a cluster,
 * `redis://a:6379,b:6379`, a list of whole URLs, or with `cluster=true` one address that leads to its nodes. Other options as query:
 * `verify=false` with TLS; for sentinels `sentinel_username`, `sentinel_password`.
 * Every fault is added to `faults`; the result is then undefined.
 */
export function readRedisUrl(text: string, source: string, faults: ConfigFault[]): RedisTarget | undefined {
  const before = faults.length;
  const at = { source, path: "" };
  const complain = (problem: string) => void faults.push({ ...at, text: problem });
  const parts = takeParts(text, complain);
  if (!parts) return undefined;
  const [{ scheme, user, pass, hosts, path }] = parts;
  const withTls = tlsSchemes.includes(scheme);
  const withSentinels = sentinelSchemes.includes(scheme);
  const withSocket = socketSchemes.includes(scheme);

  const tree = new Map(parts.flatMap((part) => [...part.query]));
  const shape: Shape = { ...(withTls && tlsOptions), ...(withSentinels ? sentinelOptions : !withSocket && clusterOptions) };
  const place = (option: string) => insideQuery(at, option);
  const options = readFields({ shape, tree, at, faults, place }) as Fields<
    typeof tlsOptions & typeof sentinelOptions & typeof clusterOptions
  >;
  const login = { ...(user && { username: user }), ...(pass && { password: pass }) };
  const tls = { tls: withTls, verifyCertificate: options.verify ?? true };
  const result = (target: RedisTarget) => (faults.length > before ? undefined : target);

  if (withSocket) {
    if (hosts !== "" || path.length < 2) complain("must name the socket by its whole path, like unix:///run/redis/redis.sock");
    return result({ kind: "socket", path, ...login });
  }
  const servers = takeServers(parts, withSentinels ? 26_379 : 6_379, complain);
  const segments = path.split("/").slice(1);
  if (withSentinels) {
    const [masterName, ...rest] = segments;
    const database = takeDatabase(rest, "/mymaster/0", complain);
    const sentinelLogin = {
      ...(options.sentinel_username && { sentinelUsername: options.sentinel_username }),
      ...(options.sentinel_password && { sentinelPassword: options.sentinel_password }),
    };
    return result({
      kind: "sentinel",
      sentinels: servers,
      masterName: masterName || defaultMasterName,
      database,
      ...sentinelLogin,
      ...login,
      ...tls,
    });
  }
  const database = Math.max(...parts.map((part) => takeDatabase(part.path.split("/").slice(1), "/0", complain)));
  const [server, ...others] = servers;
  if (!server) return undefined;
  if (others.length === 0 && !options.cluster) return result({ kind: "single", ...server, database, ...login, ...tls });
  if (database !== 0) complain("names a database: a cluster has only one, so leave the number out");
  return result({ kind: "cluster", nodes: servers, ...login, ...tls });
}

/** Stands for every secret, whatever its length. */
export const mask = "********";

function addressText({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The target as a URL that may be shown: the login is masked. */
export function showRedisTarget(target: RedisTarget): string {
  const login = target.username || target.password ? `${mask}@` : "";
  if (target.kind === "socket") return `unix://${login}${target.path}`;
  const scheme = `${target.tls ? "rediss" : "redis"}${target.kind === "sentinel" ? "+sentinel" : ""}`;
  const servers = target.kind === "single" ? [target] : target.kind === "sentinel" ? target.sentinels : target.nodes;
  const path =
    target.kind === "cluster" ? "" : target.kind === "sentinel" ? `/${target.masterName}/${target.database}` : `/${target.database}`;
  const query = [
    ...(target.kind === "sentinel" && target.sentinelUsername ? [`sentinel_username=${mask}`] : []),
    ...(target.kind === "sentinel" && target.sentinelPassword ? [`sentinel_password=${mask}`] : []),
    ...(target.kind === "cluster" && target.nodes.length === 1 ? ["cluster=true"] : []),
    ...(target.tls && !target.verifyCertificate ? ["verify=false"] : []),
  ];
  return `${scheme}://${login}${servers.map(addressText).join(",")}${path}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}
