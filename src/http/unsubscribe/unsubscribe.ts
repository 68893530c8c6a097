// POST /u/{token}: leaves a mailing list. Mail programs do it by one click (RFC 8058 section 3.2), people by the page's button.
import { isStoreUnavailable } from "../../store/connection.ts";
import { formTypes } from "../bodies.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { linkParams } from "./confirmUnsubscribe.ts";
import { escapeHtml, expiredLink, noSuchLink, notNow, sendPage } from "./page.ts";

/** `List-Unsubscribe=One-Click` in either form, with room to spare. */
const bodyLimit = 16 * 1024;

export function unsubscribe(app: App, { unsubscribeLinks, unsubscribes }: Dependencies): void {
  app.route({
    method: "POST",
    url: "/u/:token",
    bodyLimit,
    // What the form says does not matter: the link alone decides.
    schema: { hide: true, params: linkParams, consumes: formTypes },
    handler: async (request, reply) => {
      try {
        const reading = await unsubscribeLinks.read(request.params.token);
        if (reading.kind !== "valid") return sendPage(reply, reading.kind === "expired" ? expiredLink : noSuchLink);
        await unsubscribes.unsubscribe(reading.claim);
        const { address, list } = reading.claim;
        const body = `<p><b>${escapeHtml(address)}</b> gets no more mail of the list <b>${escapeHtml(list)}</b>.</p>`;
        return sendPage(reply, { status: 200, title: "You are unsubscribed", body });
      } catch (error) {
        if (!isStoreUnavailable(error)) throw error;
        return sendPage(reply, notNow);
      }
    },
  });
}
