// GET /u/{token}: asks whether to unsubscribe. It changes nothing: whatever looks at links in mail before their reader does asks by GET.
import { z } from "zod";
import { isStoreUnavailable } from "../../store/connection.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { escapeHtml, expiredLink, noSuchLink, notNow, sendPage } from "./page.ts";

export const linkParams = z.object({ token: z.string() });

export function confirmUnsubscribe(app: App, { unsubscribeLinks }: Dependencies): void {
  app.route({
    method: "GET",
    url: "/u/:token",
    schema: { hide: true, params: linkParams },
    handler: async (request, reply) => {
      const reading = await unsubscribeLinks.read(request.params.token).catch((error) => {
        if (!isStoreUnavailable(error)) throw error;
        return undefined;
      });
      if (!reading) return sendPage(reply, notNow);
      if (reading.kind !== "valid") return sendPage(reply, reading.kind === "expired" ? expiredLink : noSuchLink);
      const { address, list } = reading.claim;
      const body = `<p>Shall <b>${escapeHtml(address)}</b> get no more mail of the list <b>${escapeHtml(list)}</b>?</p>
<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>`;
      return sendPage(reply, { status: 200, title: "Unsubscribe", body });
    },
  });
}
