// Promise 1: a 202 is a receipt.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { startGateway } from "../support/gateway.ts";
import { testMessage } from "../support/mailing.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

test("a message whose relay is gone from the configuration goes by the relay that the routes name now", async (t) => {
  const atEnd = atEndOf(t);
  const sink = await startSink();
  atEnd(sink.stop);
  const redisUrl = redis.freshUrl();
  const start = async (relays: string) => {
    const gateway = await startGateway({ env: { REDIS_URL: redisUrl }, config: `{ retry: { schedule: [1h] }, relays: { ${relays} } }` });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const first = await start(`old: { host: 127.0.0.1, port: ${await freePort()}, tls: none }`);
  const { body } = await first.post<MessageView>("/v1/messages", testMessage("moved", "moved@example.net"));
  const deferred = async () => (await first.get<MessageView>(`/v1/messages/${body.id}`)).body.recipients[0]?.status === "deferred";
  await waitFor(deferred, { what: "the message to wait for the old relay" });
  await first.stop();
  const second = await start(`new: { host: 127.0.0.1, port: ${sink.port}, tls: none }`);
  const { recipients } = await second.messageSettled(body.id);
  assert.deepEqual([recipients[0]?.status, recipients[0]?.relay], ["sent", "new"]);
  const expected = { moved: ["moved@example.net"] };
  assert.deepEqual(reconcile({ expected, mails: await sink.received() }), { lost: [], doubled: [], unexpected: [] });
});
