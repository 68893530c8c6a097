// Something to look at in the dashboard: mail of a shop with its fortunes, webhooks, suppressions, keys.
import type { Gateway } from "./gateway.ts";
import { waitFor } from "./waitFor.ts";

const html = `<html><head><style>body{font-family:sans-serif;background:#f3f4f6;padding:24px}.card{background:#fff;border-radius:8px;padding:24px;
max-width:480px;margin:auto}h1{font-size:20px}a{background:#0a7a55;color:#fff;padding:10px 16px;border-radius:6px;text-decoration:none}</style></head>
<body><div class="card"><h1>Your order is on its way</h1><p style="color:#444">Thank you, Ada. Order <b>4711</b> left our warehouse this morning.</p>
<p><a href="https://shop.example/orders/4711">Track the parcel</a></p></div></body></html>`;

const kinds = [
  { subject: "Your order is on its way", tags: ["order"] },
  { subject: "Reset your password", tags: ["account"] },
  { subject: "Invoice 2026-1042", tags: ["invoice"] },
  { subject: "Welcome to Example Shop", tags: ["welcome"] },
  { subject: "Your weekly report", tags: ["report", "weekly"] },
  { subject: "New sign-in to your account", tags: ["security", "account"] },
];
const people = ["ada@example.net", "grace@example.org", "alan@example.net", "edsger@example.org", "barbara@example.net"];
/** By the number of the message. */
const unlucky: Readonly<Record<number, string>> = {
  3: "hardbounce@sandbox.test",
  7: "softbounce@sandbox.test",
  11: "mailboxfull@sandbox.test",
  17: "hardbounce@sandbox.test",
  22: "complaint@sandbox.test",
};

export type DashboardContent = { bounced: string; sent: string; webhook: string; captured: string };

/** Fills an installation that runs in the sandbox; resolves with the ids of what is worth opening. */
export async function fillDashboard(gateway: Gateway, messages = 30): Promise<DashboardContent> {
  const send = async (index: number) => {
    const kind = kinds[index % kinds.length] ?? kinds[0];
    const to = unlucky[index] ?? people[index % people.length];
    const { body } = await gateway.post<{ id: string }>("/v1/messages", {
      ...{ from: "Example Shop <hello@shop.example>", to: index % 9 === 8 ? [to, "team@example.org"] : [to], ...kind, html },
      ...{ text: "Thank you, Ada. Order 4711 left our warehouse this morning.", metadata: { order: String(4_700 + index) } },
    });
    return body.id;
  };
  const webhook = await gateway.post<{ id: string }>("/v1/webhooks", {
    url: `${gateway.url}/livez`,
    events: ["message.bounced", "message.complained"],
    description: "The order service",
  });
  const ids: string[] = [];
  for (let index = 0; index < messages; index++) ids.push(await send(index));
  await gateway.post("/v1/messages", {
    ...{ from: "hello@shop.example", to: "ada@example.net", subject: "Happy new year", text: "To you and yours." },
    send_at: new Date(Date.now() + 24 * 3_600_000).toISOString(),
  });
  await gateway.post("/v1/suppressions", { address: "former@example.org", reason: "complaint" });
  await gateway.post("/v1/suppressions", { address: "old@example.net", reason: "bounce" });
  await gateway.post("/v1/keys", { name: "shop", scopes: ["send", "read"], domains: ["shop.example"] });
  await gateway.post("/v1/keys", { name: "newsletter", scopes: ["send"] });
  const [sent = "", bounced = ""] = [ids[messages - 1], ids[3]];
  await Promise.all([gateway.messageSettled(sent), gateway.messageSettled(bounced)]);
  const captured = await waitFor(async () => (await gateway.get<{ data: { id: string }[] }>("/v1/captured?limit=1")).body.data[0]?.id, {
    what: "a captured mail",
  });
  return { bounced, sent, webhook: webhook.body.id, captured };
}
