// `?dry_run=true`: what would become of a message, and why, without storing it.
import { z } from "zod";
import type { RoutingSettings } from "../../accept/plan.ts";
import type { Draft } from "../../accept/prepare.ts";
import { whyDispatched, whyRouted } from "../../domain/routeReasons.ts";

/** `?dry_run=`. */
export const dryRunSwitch = z
  .stringbool()
  .default(false)
  .meta({ type: "boolean", description: "All of acceptance but the storing; answers 200." });

const routeOfOne = z.object({
  recipient: z.string(),
  rule: z.int().nullable().meta({ description: "Counted from 0; null: the message names its relay." }),
  relays: z.array(z.string()).meta({ description: "In the order in which they are tried." }),
  because: z.string(),
});

const plannedDispatch = z.object({
  relay: z.string().meta({ description: "Which takes it first." }),
  recipients: z.array(z.string()),
  because: z.string(),
});

export const dryRun = z
  .object({
    route: z.array(routeOfOne),
    dispatches: z.array(plannedDispatch).meta({ description: "The recipients as they travel together, each in a transaction of its own." }),
    raw: z.string().meta({ description: "The finished message, base64." }),
    size: z.int(),
  })
  .meta({
    id: "DryRun",
    description:
      "What would be sent, and by which relays. The next message may take another way: weights and what is available decide anew.",
  });

/** What a dry run answers. */
export function dryRunView({ record, routing, recipients, dispatches, bytes }: Draft, settings: RoutingSettings): z.output<typeof dryRun> {
  return {
    route: routing.map((routed) => ({
      recipient: routed.recipient,
      rule: routed.rule ?? null,
      relays: [...routed.relays],
      because: whyRouted(settings.routes, record, routed.recipient, routed),
    })),
    dispatches: dispatches.map(({ relay }, dispatch) => {
      const members = routing.filter((_, index) => recipients[index]?.dispatch === dispatch);
      const way = { relay, relays: members[0]?.relays ?? [], bytes: bytes.length, recipients: members.map(({ recipient }) => recipient) };
      return { relay, recipients: way.recipients, because: whyDispatched(way, settings) };
    }),
    raw: bytes.toString("base64"),
    size: bytes.length,
  };
}
