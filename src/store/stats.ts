// Counts by minute, made of the event log by a reader that goes along behind it: nothing is written for them where mail is on its way.
// A quarter of an hour is one small hash, so that Redis keeps it in its compact form and it goes by its time to live.
import { type Counts, countedNames, inLastMinute, minuteMs, noCounts, statsLifeMs, type Tally, tallyOf } from "../domain/stats.ts";
import type { Connection } from "./connection.ts";
import { type Entry, readEntry } from "./events.ts";
import { loadScript, runScript } from "./scripts.ts";

const script = loadScript("stats-add");
const minutesPerKey = 15;
const slice = 1_000;

export type StatsRow = { at: number; counts: Counts };

/** Every function rejects while Redis is away. */
export function createStats({ redis, keys, clock }: Connection) {
  const keyOf = (of: Tally["of"], minute: number) => {
    const quarter = Math.floor(minute / minutesPerKey);
    return "tenant" in of ? keys.tenantStats(of.tenant, quarter) : keys.relayStats(of.relay, quarter);
  };
  const fieldOf = (minute: number, name: string) => `${minute % minutesPerKey} ${name}`;

  return {
    /** Counts the next part of the log. Returns whether there is more. */
    async count(): Promise<boolean> {
      const [position, sequence] = await redis.mget(keys.statsPosition, keys.sequence);
      const counted = position ?? "0";
      const newest = Number(sequence ?? 0);
      // A log that has lost its end begins anew behind what was counted.
      const from = Math.min(Number(counted), newest);
      const entries = (await redis.xrange(keys.events, `(${from}-0`, "+", "COUNT", slice)) as Entry[];
      const events = entries.map(readEntry);
      const to = events.at(-1)?.sequence ?? newest;
      if (String(to) === counted) return false;
      const tallies = tallyOf(events, clock.now() - statsLifeMs);
      const hashes = [...new Set(tallies.map(({ of, minute }) => keyOf(of, minute)))];
      const additions = tallies.map(({ of, minute, name, count }) => [hashes.indexOf(keyOf(of, minute)) + 2, fieldOf(minute, name), count]);
      const args = [counted, to, statsLifeMs + minutesPerKey * minuteMs, JSON.stringify(additions)];
      await runScript(redis, script, [keys.statsPosition, ...hashes], args);
      return entries.length === slice;
    },

    /**
     * A tenant's counts in steps, oldest first, with every step from the one that holds `since` to the present one.
     * @param stepMs whole minutes
     * @returns `countedTo`: the sequence number of the last event that is in them
     */
    async read(tenant: string, since: number, stepMs: number): Promise<{ rows: StatsRow[]; countedTo: number }> {
      const first = Math.floor(since / stepMs) * stepMs;
      const rows: StatsRow[] = [];
      for (let at = first; at <= clock.now(); at += stepMs) rows.push({ at, counts: noCounts() });
      const minutes = (rows.length * stepMs) / minuteMs;
      const firstQuarter = Math.floor(first / minuteMs / minutesPerKey);
      const lastQuarter = Math.floor((first / minuteMs + minutes - 1) / minutesPerKey);
      // In one transaction, so that what is counted and how far it reaches belong together.
      const transaction = redis.multi().get(keys.statsPosition);
      for (let quarter = firstQuarter; quarter <= lastQuarter; quarter++) transaction.hgetall(keys.tenantStats(tenant, quarter));
      const [place, ...hashes] = ((await transaction.exec()) ?? []).map(([error, value]) => {
        if (error) throw error;
        return value;
      });
      for (const [index, hash] of hashes.entries()) {
        for (const [field, count] of Object.entries(hash as Record<string, string>)) {
          const [minute, name] = field.split(" ");
          const at = ((firstQuarter + index) * minutesPerKey + Number(minute)) * minuteMs;
          const row = rows[Math.floor((at - first) / stepMs)];
          const known = countedNames.find((it) => it === name);
          if (row && known) row.counts[known] += Number(count);
        }
      }
      return { rows, countedTo: Number(place ?? 0) };
    },

    /** How often each of these relays was used in the last 60 s: attempts, about. */
    async attemptsInLastMinute(relays: readonly string[]): Promise<number[]> {
      const now = clock.now();
      const minute = Math.floor(now / minuteMs);
      const pipeline = redis.pipeline();
      for (const relay of relays) for (const it of [minute, minute - 1]) pipeline.hget(keyOf({ relay }, it), fieldOf(it, "attempts"));
      const answers = (await pipeline.exec()) ?? [];
      const counts = answers.map(([error, value]) => {
        if (error) throw error;
        return Number(value ?? 0);
      });
      return relays.map((_, index) => inLastMinute((it) => counts[index * 2 + (minute - it)] ?? 0, now));
    },
  };
}

export type Stats = ReturnType<typeof createStats>;
