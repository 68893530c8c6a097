// One request to a token endpoint (RFC 6749, sections 4.4 and 6; RFC 7523 for service accounts), through the relay's proxy if it has one.
import { createPrivateKey, sign } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { RelayProxy, TokenGrant } from "../domain/relay.ts";
import { createCredentialMask } from "./credentialMask.ts";
import { openTunnel } from "./tunnel.ts";

export type TokenAnswer =
  | { ok: true; accessToken: string; expiresInMs: number; refreshToken?: string }
  /** `isVoid`: the issuer takes the grant no more (`invalid_grant`). */
  | { ok: false; text: string; isVoid: boolean };

/** Far beyond any answer. */
const answerBytesMax = 64 * 1024;
/** Of a token whose issuer does not say how long it holds. */
const expiresInMsDefault = 300_000;
const assertionSeconds = 300;

/**
 * Asks for an access token.
 * @param options.user whose mail it is; for service accounts
 * @param options.timeoutMs for all of it
 * @returns the token, or in words, without any secret, why there is none. Never rejects
 */
export async function requestToken(options: {
  grant: TokenGrant;
  user: string;
  proxy?: RelayProxy | undefined;
  timeoutMs: number;
}): Promise<TokenAnswer> {
  const { grant, user, proxy, timeoutMs } = options;
  const url = new URL(grant.url);
  const mask = createCredentialMask({ auth: { user, method: "xoauth2", token: grant }, ...(proxy && { proxy }) });
  const failed = (what: string, isVoid = false): TokenAnswer => ({
    ok: false,
    text: mask(`the token endpoint ${url.host} ${what}`),
    isVoid,
  });
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const { status, text } = await post({ url, body: bodyOf(grant, user).toString(), proxy, timeoutMs, signal: timeout });
    return judge(status, text, failed);
  } catch (error) {
    if (timeout.aborted) return failed(`did not answer within ${Math.round(timeoutMs / 1_000)} s`);
    return failed(`cannot be reached: ${(error as Error).message}`);
  }
}

function bodyOf(grant: TokenGrant, user: string): URLSearchParams {
  const scope = grant.scope === undefined ? {} : { scope: grant.scope };
  switch (grant.kind) {
    case "refresh_token": {
      const secret = grant.clientSecret === undefined ? {} : { client_secret: grant.clientSecret };
      const named = { grant_type: "refresh_token", client_id: grant.clientId, refresh_token: grant.refreshToken };
      return new URLSearchParams({ ...named, ...secret, ...scope });
    }
    case "client_credentials":
      return new URLSearchParams({
        ...{ grant_type: "client_credentials", client_id: grant.clientId, client_secret: grant.clientSecret },
        ...scope,
      });
    case "service_account":
      return new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: assertionOf(grant, user) });
  }
}

/** A JWT that says for whom the account wants to act (RFC 7519; RS256). */
function assertionOf({ account, privateKey, url, scope }: TokenGrant & { kind: "service_account" }, user: string): string {
  const issuedAt = Math.floor(Date.now() / 1_000);
  const claims = { iss: account, sub: user, aud: url, scope, iat: issuedAt, exp: issuedAt + assertionSeconds };
  const signed = [{ alg: "RS256", typ: "JWT" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${sign("sha256", Buffer.from(signed), createPrivateKey(privateKey)).toString("base64url")}`;
}

type Post = { url: URL; body: string; proxy: RelayProxy | undefined; timeoutMs: number; signal: AbortSignal };

async function post({ url, body, proxy, timeoutMs, signal }: Post): Promise<{ status: number; text: string }> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  let plain: Socket;
  if (proxy) {
    const tunnel = await openTunnel({ proxy, host, port, timeoutMs, signal });
    if (!tunnel.ok) throw new Error(tunnel.text.replace(/\.$/, ""));
    plain = tunnel.socket;
  } else plain = connectTcp({ host, port });
  const socket = url.protocol === "https:" ? connectTls({ socket: plain, host, ...(isIP(host) === 0 && { servername: host }) }) : plain;
  // A fault of the socket below would else be nobody's.
  plain.on("error", (error) => socket.destroy(error));
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...{ host, port, method: "POST", path: `${url.pathname}${url.search}`, signal, createConnection: () => socket },
      headers: {
        Host: url.host,
        Accept: "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": Buffer.byteLength(body),
        Connection: "close",
      },
    });
    request.once("error", reject);
    // What comes out of a tunnel is paused.
    request.once("socket", (used) => used.resume());
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > answerBytesMax) request.destroy(new Error("its answer does not end"));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
    });
    request.end(body);
  });
}

/** What an issuer's error means for the person who has to mend it (RFC 6749, section 5.2). */
const wayOut: Readonly<Record<string, string>> = {
  invalid_grant: "the refresh token or the account's right was revoked or has run out: give the consent again and configure the new one",
  invalid_client: "check client_id and client_secret; secrets run out too",
  unauthorized_client: "the app is not allowed to do this: give it the right to send mail as this user",
  invalid_scope: "check scope",
};

function judge(status: number, text: string, failed: (what: string, isVoid?: boolean) => TokenAnswer): TokenAnswer {
  const answer = parsed(text);
  const { access_token: accessToken, error, error_description: description, refresh_token: refreshToken } = answer;
  if (status >= 200 && status < 300 && typeof accessToken === "string" && /^[\x21-\x7e]+$/.test(accessToken)) {
    const seconds = Number(answer.expires_in);
    return {
      ok: true,
      accessToken,
      expiresInMs: seconds > 0 ? seconds * 1_000 : expiresInMsDefault,
      ...(typeof refreshToken === "string" && refreshToken !== "" && { refreshToken }),
    };
  }
  if (typeof error !== "string") return failed(`answered ${status} without a token: check token_url`);
  const said = typeof description === "string" && description !== "" ? ` (${clipped(description)})` : "";
  const advice = Object.hasOwn(wayOut, error) ? `; ${wayOut[error]}` : "";
  return failed(`refused with ${clipped(error)}${said}${advice}`, error === "invalid_grant");
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** One line of bounded length. */
function clipped(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
