// How a relay is logged in to: user and password by a method, or OAuth2 (XOAUTH2) with what its token endpoint wants.
import { z } from "zod";
import type { PasswordMethod, RelayAuth, TokenGrant } from "../domain/relay.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { type Fields, readFields, type Tree } from "./fields.ts";
import { readTwins } from "./fileTwins.ts";
import { readPrivateKey } from "./pem.ts";
import { credential, oneOf, scalar } from "./values.ts";
import type { ReadFile } from "./variables.ts";

const methods = ["plain", "login", "cram-md5", "xoauth2"] as const;
export const authMethod = oneOf(methods);

const authShape = {
  method: authMethod,
  token_url: scalar("an https:// URL", (text) => (/^https?:\/\//i.test(text) && URL.canParse(text) ? text : undefined)),
  client_id: credential,
  client_secret: credential,
  refresh_token: credential,
  scope: credential,
  tenant: scalar("a tenant's id or domain", (text) => (/^[\w.-]{1,253}$/.test(text) ? text : undefined)),
  service_account: z.string({ error: "must be text: the JSON file of the account's key" }),
};
const twins = ["client_id", "client_secret", "refresh_token", "service_account"] as const;

/** Where mailboxes' tokens come from, and for what. */
const issuers = {
  google: { url: () => "https://oauth2.googleapis.com/token", scope: { service_account: "https://mail.google.com/" } },
  microsoft: {
    url: (tenant = "common") => `https://login.microsoftonline.com/${tenant}/oauth2/v2.0/token`,
    scope: {
      refresh_token: "https://outlook.office.com/SMTP.Send offline_access",
      client_credentials: "https://outlook.office365.com/.default",
    },
  },
} as const satisfies Record<string, { url: (tenant?: string) => string; scope: Partial<Record<TokenGrant["kind"], string>> }>;

export type Issuer = keyof typeof issuers;

type Login = { user: string | undefined; pass: string | undefined };
type Given = {
  login: Login;
  issuer: Issuer | undefined;
  /** The relay's own place, for what its login lacks as a whole. */
  relayAt: Place;
  /** Where `auth` stands. */
  at: Place;
  faults: ConfigFault[];
  readFile: ReadFile;
};

/**
 * Puts a login together; undefined where none is set, or where it is faulty.
 * @param tree what stands under `auth`: a method, or a mapping
 */
export function settleAuth(tree: Tree | undefined, given: Given): RelayAuth | undefined {
  const { login, issuer, relayAt, at, faults, readFile } = given;
  const before = faults.length;
  const complain = (text: string) => void faults.push({ ...relayAt, text });
  const isMethodAlone = typeof tree === "string" && tree !== "";
  const mapping: Tree = isMethodAlone ? new Map([["method", tree]]) : (tree ?? "");
  const read = mapping instanceof Map ? readTwins({ tree: mapping, keys: twins, at, faults, readFile }) : undefined;
  const placeOf = (key: string) => (isMethodAlone ? at : (read?.placeOf(key) ?? inside(at, key)));
  const fields = readFields({ shape: authShape, tree: read?.tree ?? mapping, at, faults, place: placeOf });
  if (faults.length > before) return undefined;
  const { user, pass } = login;
  const { method } = fields;
  if (method === "xoauth2") {
    if (isMethodAlone) {
      faults.push({
        ...at,
        text: "xoauth2 needs more than its name: write { method: xoauth2, client_id: …, refresh_token: … } in the file",
      });
      return undefined;
    }
    if (user === undefined) complain("xoauth2 needs the mailbox whose mail it is: set user");
    if (pass !== undefined) complain("xoauth2 takes no password: leave pass out, or use another method");
    const token = settleToken(fields, { issuer, placeOf, faults });
    return user !== undefined && token ? { user, method, token } : undefined;
  }
  for (const key of Object.keys(authShape) as (keyof typeof authShape)[]) {
    if (key !== "method" && fields[key] !== undefined)
      faults.push({ ...placeOf(key), text: "belongs to the method xoauth2: set that too" });
  }
  if (user !== undefined && pass === undefined) complain("has a user but no password: give both or neither");
  if (pass !== undefined && user === undefined) complain("has a password but no user: give both or neither");
  if (method !== undefined && user === undefined && pass === undefined) complain("auth has no user and no password: set user and pass");
  if (user === undefined || pass === undefined) return undefined;
  return { user, pass, ...(method !== undefined && { method: method satisfies PasswordMethod }) };
}

function settleToken(
  fields: Fields<typeof authShape>,
  { issuer, placeOf, faults }: { issuer: Issuer | undefined; placeOf: (key: string) => Place; faults: ConfigFault[] },
): TokenGrant | undefined {
  const complain = (key: string, text: string) => void faults.push({ ...placeOf(key), text });
  const { client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken, service_account: account, tenant } = fields;
  const kind: TokenGrant["kind"] =
    account !== undefined ? "service_account" : refreshToken !== undefined ? "refresh_token" : "client_credentials";
  const known = issuer && issuers[issuer];
  if (tenant !== undefined && issuer !== "microsoft") complain("tenant", "belongs to Microsoft's tokens: leave it out");
  if (tenant !== undefined && fields.token_url !== undefined) complain("tenant", "the token_url says it: keep one of the two");
  if (issuer === "microsoft" && kind === "client_credentials" && tenant === undefined && fields.token_url === undefined) {
    complain("tenant", "is needed without a refresh_token: set it to the id of your tenant");
  }
  const scopes: Partial<Record<TokenGrant["kind"], string>> = known?.scope ?? {};
  const scope = fields.scope ?? scopes[kind];
  const given = account === undefined ? undefined : readServiceAccount(account);
  if (given && "fault" in given) complain("service_account", given.fault);
  const url = fields.token_url ?? (given && "url" in given ? given.url : undefined) ?? known?.url(tenant);
  if (url === undefined) complain("token_url", "is needed for this relay: set it to the token endpoint of who runs it");
  else if (!isSafe(url)) complain("token_url", "would send secrets in clear: use https://");

  if (kind === "service_account") {
    for (const key of ["client_id", "client_secret", "refresh_token"] as const) {
      if (fields[key] !== undefined) complain(key, "has no place beside a service_account: keep one of the two");
    }
    if (url === undefined || !given || "fault" in given) return undefined;
    return { kind, url, account: given.account, privateKey: given.privateKey, ...(scope !== undefined && { scope }) };
  }
  if (clientId === undefined) complain("client_id", "is needed for xoauth2: set it, or service_account_file");
  if (kind === "client_credentials" && clientSecret === undefined) {
    complain("refresh_token", "is needed for xoauth2: set it, or client_secret alone for an app that has rights of its own");
  }
  if (url === undefined || clientId === undefined) return undefined;
  const common = { url, clientId, ...(scope !== undefined && { scope }) };
  if (refreshToken !== undefined)
    return { ...common, kind: "refresh_token", refreshToken, ...(clientSecret !== undefined && { clientSecret }) };
  return clientSecret === undefined ? undefined : { ...common, kind: "client_credentials", clientSecret };
}

/** Secrets go to it: by TLS, or not off this machine. */
function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

/** The key file that Google gives out for a service account. */
function readServiceAccount(text: string): { account: string; privateKey: string; url?: string } | { fault: string } {
  const noKey = { fault: "is not the JSON key file of a service account: it needs client_email and private_key" };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return noKey;
  }
  const parsed = z
    .object({ client_email: z.string().min(1), private_key: z.string().min(1), token_uri: z.url().optional() })
    .safeParse(content);
  if (!parsed.success) return noKey;
  const { client_email: account, private_key: privateKey, token_uri: url } = parsed.data;
  const key = readPrivateKey(privateKey);
  if ("fault" in key) return { fault: `its private_key ${key.fault}` };
  return { account, privateKey, ...(url !== undefined && { url }) };
}
