// What upkeep's tasks work with.
import type { RelayKnowledge } from "../domain/dispatchPlan.ts";
import type { Route } from "../domain/routes.ts";
import type { Producer } from "../queue/producer.ts";
import type { ApiKeys } from "../store/apiKeys.ts";
import type { Events } from "../store/events.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Messages } from "../store/messages.ts";
import type { OpenWork } from "../store/openWork.ts";
import type { Stats } from "../store/stats.ts";
import type { Suppressions } from "../store/suppressions.ts";

export type UpkeepDependencies = RelayKnowledge & {
  ledger: Ledger;
  openWork: OpenWork;
  messages: Messages;
  events: Events;
  suppressions: Pick<Suppressions, "sweep">;
  stats: Pick<Stats, "count">;
  apiKeys: Pick<ApiKeys, "tenants">;
  producer: Producer;
  relays: readonly string[];
  routes: readonly Route[];
  messageRetentionMs: number;
  /** How long a wake-up may be on its way to the queue before it counts as lost. */
  lostAfterMs: number;
};
