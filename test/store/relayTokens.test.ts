// Tokens of relays: what one worker got, the others use; and nobody is kept from logging in by a store that is away.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createTokenSource, type TokenShelf } from "../../src/relay/tokens.ts";
import type { Connection } from "../../src/store/connection.ts";
import { createTokenShelf } from "../../src/store/relayTokens.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { startTokenEndpoint, type TokenReply } from "../support/tokenEndpoint.ts";
import { connectFresh } from "./ledgerForTests.ts";

let redis: TestRedis;
let connection: Connection;
before(async () => {
  redis = await startRedis();
  connection = await connectFresh(redis);
});
after(async () => {
  await connection.close();
  await redis.stop();
});

const grantAt = (url: string, refreshToken = "configured") => ({ kind: "refresh_token", url, clientId: "c", refreshToken }) as const;

function sourceOf(grant: ReturnType<typeof grantAt>, shelf: TokenShelf | undefined = createTokenShelf(connection, grant)) {
  return createTokenSource({ grant, ask: { user: "robot@office.test", timeoutMs: 5_000 }, shelf });
}

const issued = (number: number): TokenReply => ({ body: { access_token: `access-${number}`, expires_in: 3_600 } });

test("a token that one worker got is used by the others, until its time is over", async (t) => {
  const endpoint = await startTokenEndpoint((_, number) => issued(number));
  t.after(endpoint.stop);
  const grant = grantAt(endpoint.url);
  const [first, second] = [sourceOf(grant), sourceOf(grant)];
  assert.deepEqual(await first(), { ok: true, token: "access-1", fresh: true });
  assert.deepEqual(await second(), { ok: true, token: "access-1", fresh: false });
  assert.equal(endpoint.requests.length, 1);
  const shelf = createTokenShelf(connection, grant);
  const { expiresInMs = 0 } = await shelf.read();
  assert.ok(expiresInMs > 3_500_000 && expiresInMs <= 3_600_000, `${expiresInMs}`);
  assert.deepEqual(await createTokenShelf(connection, grantAt(endpoint.url, "another")).read(), {});
});

test("a token that a relay refused is replaced for all, once", async (t) => {
  const endpoint = await startTokenEndpoint((_, number) => issued(number));
  t.after(endpoint.stop);
  const grant = grantAt(endpoint.url);
  const [first, second] = [sourceOf(grant), sourceOf(grant)];
  await first();
  await second();
  assert.deepEqual(await first("access-1"), { ok: true, token: "access-2", fresh: true });
  assert.deepEqual(await second("access-1"), { ok: true, token: "access-2", fresh: false });
  assert.equal(endpoint.requests.length, 2);
});

test("an issuer that replaces refresh tokens is asked with the newest, also by a worker that starts later", async (t) => {
  const endpoint = await startTokenEndpoint((_, number) => ({
    body: { access_token: `access-${number}`, expires_in: 10, refresh_token: `rotated-${number}` },
  }));
  t.after(endpoint.stop);
  const grant = grantAt(endpoint.url);
  await sourceOf(grant)();
  await sourceOf(grant)();
  await sourceOf(grant)();
  assert.deepEqual(
    endpoint.requests.map((form) => form.get("refresh_token")),
    ["configured", "rotated-1", "rotated-2"],
  );
});

test("where the newest refresh token is void, the configured one is tried", async (t) => {
  const endpoint = await startTokenEndpoint((form, number) =>
    form.get("refresh_token") === "configured" ? issued(number) : { status: 400, body: { error: "invalid_grant" } },
  );
  t.after(endpoint.stop);
  const grant = grantAt(endpoint.url);
  await createTokenShelf(connection, grant).write({ accessToken: "old", expiresInMs: 1, refreshToken: "void" });
  assert.deepEqual(await sourceOf(grant)(), { ok: true, token: "access-2", fresh: true });
  // Nobody is to try the void one again.
  assert.equal((await createTokenShelf(connection, grant).read()).refreshToken, "configured");
});

test("a store that is away costs nothing but the sharing", async (t) => {
  const endpoint = await startTokenEndpoint((_, number) => issued(number));
  t.after(endpoint.stop);
  const away: TokenShelf = { read: () => Promise.reject(new Error("away")), write: () => Promise.reject(new Error("away")) };
  const source = sourceOf(grantAt(endpoint.url), away);
  assert.deepEqual(await source(), { ok: true, token: "access-1", fresh: true });
  assert.deepEqual(await source(), { ok: true, token: "access-1", fresh: false });
});
