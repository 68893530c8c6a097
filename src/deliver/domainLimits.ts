// Limits by recipient domain: a dispatch to a domain that has had its share waits for its turn without holding anybody else up.
import { domainOf } from "../domain/address.ts";
import type { Message } from "../domain/message.ts";
import { pacesOf, slowest, withoutBurst } from "../domain/pace.ts";
import type { RelayLimits } from "../domain/relay.ts";
import { isOpen } from "../domain/states.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Messages } from "../store/messages.ts";
import type { RelayPermits } from "../store/relayPermits.ts";
import { createShare, type Share } from "./share.ts";

/** `release` gives the domain's connection back. `postponed`: the dispatch has a later time now. */
export type Admission = { kind: "go"; release(): void } | { kind: "postponed"; wake: WakeUp | undefined; inMs: number; message: Message };

export type DomainLimits = {
  /** Resolves when the dispatch may go, or has a later time. Rejects while Redis is away. */
  admit(wake: WakeUp, urgent: boolean): Promise<Admission>;
  end(): Promise<void>;
};

/** A place this near is waited for. */
const horizonMs = { urgent: 1_000, other: 200 };
/** Where a domain's connections are all taken. */
const taken = { minMs: 200, maxMs: 60_000, stepMs: 20 };
/** A backlog's later places are not planned any further ahead. */
const parkMsMax = 600_000;

const free: Admission = { kind: "go", release: () => undefined };

/** Opens the limits of one relay. */
export function createDomainLimits(options: {
  relay: string;
  limits: RelayLimits | undefined;
  permits: Pick<RelayPermits, "book" | "park" | "share">;
  ledger: Pick<Ledger, "postpone">;
  messages: Pick<Messages, "find">;
  owner: string;
  leaseMs: number;
  renewMs: number;
}): DomainLimits {
  const { relay, limits, permits, ledger, messages, owner, leaseMs, renewMs } = options;
  const domains = limits?.domains ?? {};
  const isLimited = Object.keys(domains).length > 0;
  const shares = new Map<string, { share: Share; held: number; wanted: number }>();

  const limitedDomains = ({ record, state }: Message, dispatch: number): string[] => {
    const open = record.recipients.filter((_, index) => {
      const recipient = state.recipients[index];
      return recipient !== undefined && recipient.dispatch === dispatch && isOpen(recipient.status);
    });
    return [...new Set(open.map(({ address }) => domainOf(address)))].filter((domain) => Object.hasOwn(domains, domain));
  };

  function shareOf(domain: string, limit: number) {
    const standing = shares.get(domain);
    if (standing) return standing;
    const share = createShare((held, wanted) => permits.share({ relay, domain, limit, leaseMs, owner }, held, wanted), renewMs);
    const made = { share, held: 0, wanted: 0 };
    share.attach({ needs: () => made, onAnswer: () => undefined });
    shares.set(domain, made);
    return made;
  }

  /** Takes one of the domain's connections, or says that there is none. */
  async function take(domain: string): Promise<(() => void) | undefined> {
    const limit = domains[domain]?.connections;
    if (limit === undefined) return () => undefined;
    const ours = shareOf(domain, limit);
    if (ours.held >= ours.share.allowed()) {
      ours.wanted += 1;
      await ours.share.tell();
      ours.wanted -= 1;
    }
    if (ours.held >= ours.share.allowed()) return undefined;
    ours.held += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      ours.held -= 1;
      void ours.share.tell();
    };
  }

  /** A place in time for one message to the domain, or when to ask for one again. */
  async function bookPlace(domain: string, urgent: boolean): Promise<{ kind: "soon" | "later"; inMs: number }> {
    const { rates, burst } = domains[domain] ?? { rates: [], burst: 0 };
    const paces = pacesOf(rates, burst, `${domain} `);
    const pace = slowest(paces);
    if (!pace) return { kind: "soon", inMs: 0 };
    const booking = await permits.book(relay, {
      limits: urgent ? paces : withoutBurst(paces),
      count: 1,
      horizonMs: urgent ? horizonMs.urgent : horizonMs.other,
      heedsSlowDown: false,
    });
    if (booking.kind === "booked") return { kind: "soon", inMs: booking.waitsMs[0] ?? 0 };
    // A transactional message asks again for the next place there is; the rest of a backlog comes back one by one.
    if (urgent) return { kind: "later", inMs: booking.inMs };
    return { kind: "later", inMs: await permits.park(relay, pace, { minMs: booking.inMs, maxMs: parkMsMax }) };
  }

  async function postponed(message: Message, wake: WakeUp, inMs: number): Promise<Admission> {
    return { kind: "postponed", wake: await ledger.postpone(wake, inMs), inMs, message };
  }

  return {
    async admit(wake, urgent) {
      if (!isLimited) return free;
      const message = await messages.find(wake.messageId);
      if (message?.state.dispatches[wake.dispatch]?.generation !== wake.generation) return free;
      const releases: (() => void)[] = [];
      const release = () => {
        for (const giveBack of releases) giveBack();
      };
      try {
        for (const domain of limitedDomains(message, wake.dispatch)) {
          const giveBack = await take(domain);
          if (!giveBack) {
            release();
            const inMs = await permits.park(relay, { field: `connections of ${domain}`, intervalMs: taken.stepMs }, taken);
            return postponed(message, wake, inMs);
          }
          releases.push(giveBack);
          const place = await bookPlace(domain, urgent);
          if (place.kind === "later") {
            release();
            return postponed(message, wake, place.inMs);
          }
          if (place.inMs > 0) await new Promise((resolve) => setTimeout(resolve, place.inMs));
        }
      } catch (error) {
        release();
        throw error;
      }
      return { kind: "go", release };
    },
    async end() {
      await Promise.all([...shares.values()].map(({ share }) => share.end()));
    },
  };
}
