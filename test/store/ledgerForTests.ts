// A ledger on a fresh database, and messages to put into it.
import { createHash, randomBytes } from "node:crypto";
import { idOf } from "../../src/domain/ids.ts";
import type { MessageRecord, OnDoubt } from "../../src/domain/message.ts";
import type { SuppressionPolicy } from "../../src/domain/suppression.ts";
import type { WakeUp } from "../../src/domain/wakeUp.ts";
import type { Leases } from "../../src/store/attempts.ts";
import { type Connection, connect } from "../../src/store/connection.ts";
import { createEvents } from "../../src/store/events.ts";
import { createLedger } from "../../src/store/ledger.ts";
import type { Retention } from "../../src/store/messageScripts.ts";
import { createMessages } from "../../src/store/messages.ts";
import { createOpenWork } from "../../src/store/openWork.ts";
import type { AcceptInput } from "../../src/store/storing.ts";
import { createSuppressions } from "../../src/store/suppressions.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { TestRedis } from "../support/redis.ts";

const log = createLogger({ level: "silent", format: "json" });

/** Connects to an empty database of a test's Redis. */
export async function connectFresh(redis: TestRedis, url = redis.freshUrl()): Promise<Connection> {
  const database = Number(new URL(url).pathname.slice(1));
  return connect({ kind: "single", host: "127.0.0.1", port: redis.port, database, tls: false, verifyCertificate: true }, log);
}

type Settings = { retention?: Partial<Retention>; leases?: Partial<Leases>; suppression?: SuppressionPolicy };

/** A ledger with everything that reads from it. */
export async function openLedger(redis: TestRedis, settings: Settings = {}) {
  const connection = await connectFresh(redis);
  const ledger = createLedger(connection, {
    retention: { messageMs: 60_000, contentMs: 0, failedContentMs: 30_000, ...settings.retention },
    leases: { ownerMs: 60_000, attemptMs: 120_000, ...settings.leases },
    ...(settings.suppression && { suppression: settings.suppression }),
  });
  return {
    connection,
    ledger,
    openWork: createOpenWork(connection),
    messages: createMessages(connection),
    events: createEvents(connection),
    suppressions: createSuppressions(connection),
  };
}

export type OpenLedger = Awaited<ReturnType<typeof openLedger>>;

export type DraftOptions = {
  recipients?: string[];
  onDoubt?: OnDoubt;
  expiresInMs?: number;
  sendInMs?: number;
  bytes?: Buffer;
  tenant?: string;
  /** Any other part of the record. */
  record?: Partial<MessageRecord>;
  idempotency?: { key: string; answer: string };
};

/** A message that is ready to be accepted; every recipient goes to the relay `default`. */
export function draft(ledger: Pick<OpenLedger["ledger"], "clock">, options: DraftOptions = {}): AcceptInput {
  const now = ledger.clock.now();
  const bytes = options.bytes ?? Buffer.from("From: a@example.com\r\n\r\nhello\r\n");
  const addresses = options.recipients ?? ["one@example.net"];
  const sendAt = options.sendInMs === undefined ? undefined : now + options.sendInMs;
  const uuid = randomBytes(16);
  uuid.writeUIntBE(now, 0, 6);
  const record: MessageRecord = {
    id: idOf("msg", uuid),
    tenant: options.tenant ?? "default",
    key_id: "key_test",
    created_at: now,
    from: "a@example.com",
    envelope_from: "a@example.com",
    subject: "hello",
    internet_message_id: "<x@example.com>",
    size: bytes.length,
    lane: "transactional",
    on_doubt: options.onDoubt ?? "resend",
    tags: [],
    metadata: {},
    recipients: addresses.map((address) => ({ address, kind: "to" })),
    ...options.record,
  };
  return {
    record,
    bytes,
    expiresAt: (sendAt ?? now) + (options.expiresInMs ?? 600_000),
    ...(sendAt !== undefined && { sendAt }),
    recipients: addresses.map(() => ({ status: sendAt === undefined ? "queued" : "scheduled", dispatch: 0, attempts: 0, updated_at: now })),
    dispatches: [{ relay: "default", generation: 1, next_at: sendAt ?? now, tries: 0, faults: 0 }],
    events: ["message.accepted"],
    ...(options.idempotency && {
      idempotency: {
        digest: createHash("sha256").update(options.idempotency.key).digest("hex"),
        value: options.idempotency.answer,
        lifeMs: 60_000,
      },
    }),
  };
}

/** Accepts a message and returns its id and first wake-up. */
export async function acceptOne({ ledger }: OpenLedger, options: DraftOptions = {}): Promise<{ id: string; wake: WakeUp }> {
  const input = draft(ledger, options);
  const result = await ledger.accept(input);
  if (result.kind !== "stored" || !result.wakeUps[0]) throw new Error(`not stored: ${result.kind}`);
  return { id: input.record.id, wake: result.wakeUps[0] };
}

/** Says that an owner lives, as its heartbeat does; `agoMs` makes it a dead one. */
export async function beat({ connection, ledger }: OpenLedger, owner: string, agoMs = 0): Promise<void> {
  await connection.redis.zadd(connection.keys.owners, ledger.clock.now() - agoMs, owner);
}
