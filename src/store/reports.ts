// Reports that came in: stored before they are acknowledged, leased to whoever reads them, and listed while they are kept.
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { idOf } from "../domain/ids.ts";
import type { StoredReport } from "../domain/report.ts";
import type { Connection } from "./connection.ts";
import { cursorOf, placeOf, readNewestFirst } from "./newestFirst.ts";
import { loadScript, runForWord, runScript } from "./scripts.ts";

const compress = promisify(gzip);
const uncompress = promisify(gunzip);

/** The first octet of everything gzipped (RFC 1952, section 2.3.1). */
const gzipMark = 0x1f;
/** Less than that is hardly made smaller, and a batch of notifications is thousands of such. */
const compressedFromOctets = 1_024;

async function pack(content: Buffer): Promise<Buffer> {
  return content.length < compressedFromOctets && content[0] !== gzipMark ? content : compress(content);
}

async function unpack(packed: Buffer): Promise<Buffer> {
  return packed[0] === gzipMark ? uncompress(packed) : packed;
}

export type ReportSettings = {
  /** How long reports are listed, and those that could not be read are kept. Milliseconds. */
  retentionMs: number;
  /** How long the bytes of a report that was read are kept. */
  readContentMs: number;
  /** Bounds of what strangers can make us keep: past the first, the bytes of the oldest that were read go. */
  octetsMax?: number;
  pendingMax?: number;
  perTenant?: number;
};

export type NewReport = Pick<StoredReport, "tenant" | "source" | "size" | "return_path" | "message_id">;

/** `full`: too much waits to be read; the sender has to come again. */
export type StoreResult = { kind: "stored" | "known"; report: StoredReport } | { kind: "full" };

/** A filtered page looks at no more reports than this; it may then be short and still have a cursor. */
const scanLimit = 5_000;
const scanStep = 250;

const scripts = { store: loadScript("report-store"), claim: loadScript("report-claim"), finish: loadScript("report-finish") };

export function createReports({ redis, keys }: Connection, settings: ReportSettings) {
  const { retentionMs, readContentMs, octetsMax = 256 * 1024 ** 2, pendingMax = 10_000, perTenant = 10_000 } = settings;

  return {
    /**
     * Stores a report durably. The same bytes for the same tenant and message are the same report.
     * @param content the report's bytes, or the beginning of them
     * @param dueInMs when it is due to be read: later, if the caller itself goes on with it
     */
    async store(report: NewReport, content: Buffer, dueInMs = 0): Promise<StoreResult> {
      const digest = createHash("sha256")
        .update(`${report.tenant}\0${report.return_path ?? ""}\0`)
        .update(content)
        .digest();
      const id = idOf("bnc", digest.subarray(0, 16));
      const row = { ...report, id, status: "pending", claims: 0, recipients: [] };
      const packed = await pack(content);
      const [word, text] = await runForWord(
        redis,
        scripts.store,
        [
          keys.report(id),
          keys.reportContent(id),
          keys.reportsPending,
          keys.reportContents,
          keys.reportOctets,
          keys.tenantReports(report.tenant),
        ],
        [
          ...[id, JSON.stringify(row), packed, retentionMs],
          ...[octetsMax, pendingMax, perTenant, dueInMs],
          ...[keys.report(""), keys.reportContent("")],
        ],
      );
      if (!text) return { kind: "full" };
      return { kind: word === "known" ? "known" : "stored", report: JSON.parse(text.toString()) };
    },

    /** Leases reports that are due to be read. */
    async claim(limit: number, leaseMs: number): Promise<StoredReport[]> {
      const claimed = (await runScript(redis, scripts.claim, [keys.reportsPending], [limit, leaseMs, keys.report("")])) as Buffer[];
      return claimed.map((text) => JSON.parse(text.toString()));
    },

    /** Makes a report that could not be finished due again. */
    async postpone(id: string, dueAt: number): Promise<void> {
      await redis.zadd(keys.reportsPending, "XX", dueAt, id);
    },

    /** Notes the end of reading a report. `storedFor`: the tenant under which it was stored. */
    async finish(report: StoredReport, storedFor: string): Promise<void> {
      const lists = [keys.tenantReports(storedFor), keys.tenantReports(report.tenant)];
      const contentMs = report.status === "unparsed" ? retentionMs : readContentMs;
      await runScript(
        redis,
        scripts.finish,
        [keys.report(report.id), keys.reportContent(report.id), keys.reportsPending, keys.reportContents, ...lists],
        [report.id, JSON.stringify(report), contentMs, report.received_at, retentionMs],
      );
    },

    /** The bytes while they are kept, 1 MiB at most. */
    async content(id: string): Promise<Buffer | undefined> {
      const packed = await redis.getBuffer(keys.reportContent(id));
      return packed ? unpack(packed) : undefined;
    },

    /** A tenant's report, or undefined if there is none of that id. */
    async get(tenant: string, id: string): Promise<StoredReport | undefined> {
      if (!/^bnc_[0-9a-hjkmnp-tv-z]{26}$/.test(id)) return undefined;
      const text = await redis.get(keys.report(id));
      const report = text ? (JSON.parse(text) as StoredReport) : undefined;
      return report?.tenant === tenant ? report : undefined;
    },

    /** A page of a tenant's reports, newest first. `cursor` is one that a page returned. */
    async list(
      tenant: string,
      filter: ReportFilter,
      limit: number,
      cursor?: string,
    ): Promise<{ reports: StoredReport[]; nextCursor?: string }> {
      const reports: StoredReport[] = [];
      let place = placeOf(cursor);
      for (let scanned = 0; scanned < scanLimit; scanned += scanStep) {
        const places = await readNewestFirst(redis, keys.tenantReports(tenant), scanStep, place);
        const texts = places.length > 0 ? await redis.mget(places.map(({ id }) => keys.report(id))) : [];
        for (const [index, next] of places.entries()) {
          const report = texts[index] ? (JSON.parse(texts[index]) as StoredReport) : undefined;
          if (report && isWanted(report, filter)) {
            // One more than asked for is looked for, so that the last page is known to be the last.
            if (reports.length === limit) return { reports, ...(place && { nextCursor: cursorOf(place) }) };
            reports.push(report);
          }
          place = next;
        }
        if (places.length < scanStep) return { reports };
      }
      return { reports, ...(place && { nextCursor: cursorOf(place) }) };
    },

    /** How many wait to be read. */
    async pending(): Promise<number> {
      return redis.zcard(keys.reportsPending);
    },
  };
}

/** What a list shows; a report that is not read yet is of no kind. */
export type ReportFilter = { [Field in "status" | "kind" | "source"]?: string | undefined };

function isWanted(report: StoredReport, { status, kind, source }: ReportFilter): boolean {
  return (
    (status === undefined || report.status === status) &&
    (kind === undefined || report.kind === kind) &&
    (source === undefined || report.source === source)
  );
}

export type Reports = ReturnType<typeof createReports>;
