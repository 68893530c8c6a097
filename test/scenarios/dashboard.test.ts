// The dashboard as its users go through it, in a real browser: signing in, watching mail go out, finding and opening it, and doing
// something about it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { eventually, signIn, startBrowser, type Visit, type VisitOptions, visit } from "../support/browser.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let browser: Browser;

before(async () => {
  [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
});
after(async () => {
  await browser.close();
  await gateway.stop();
});

/** Opens the dashboard, lets the test look around, and checks that nothing went wrong on the way. */
async function look(options: VisitOptions, at: (visit: Visit) => Promise<void>): Promise<void> {
  const opened = await visit(browser, gateway, options);
  try {
    await at(opened);
    assert.deepEqual(opened.faults, []);
  } finally {
    await opened.close();
  }
}

async function send(changes: Record<string, unknown> = {}): Promise<string> {
  const message = { from: "shop@example.com", to: "ada@example.net", subject: "Hello", text: "Hello Ada", ...changes };
  const { status, body } = await gateway.post<{ id: string }>("/v1/messages", message);
  assert.equal(status, 202, JSON.stringify(body));
  return body.id;
}

async function newKey(scopes: string[]): Promise<{ id: string; key: string }> {
  const { body } = await gateway.post<{ id: string; key: string }>("/v1/keys", { name: scopes.join(" "), scopes });
  return body;
}

test("a wrong key is refused in words, the right one lets in, stays for the tab alone, and is in no address", async () => {
  await look({}, async ({ page }) => {
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("not known, or was revoked").waitFor();
    await signIn(page, gateway.apiKey);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.ok(!page.url().includes(gateway.apiKey));
    assert.equal(await page.evaluate("localStorage.length + document.cookie.length"), 0);

    const other = await page.context().newPage();
    await other.goto(`${gateway.url}/#/messages`);
    await other.getByLabel("API key").waitFor();

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API key").waitFor();
    await page.reload();
    await page.getByLabel("API key").waitFor();
  });
});

test("a key that is revoked while it is signed in leads back to the way in, with the reason", async () => {
  const { id, key } = await newKey(["read"]);
  await look({ key }, async ({ page }) => {
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await gateway.request("DELETE", `/v1/keys/${id}`);
    // What the overview asks for by itself may lead out first: then there is no link to click on any more.
    const asked = page.getByRole("link", { name: "Messages" }).click({ timeout: 5_000 });
    await asked.catch(() => undefined);
    await page.getByRole("alert").getByText("not known, or was revoked").waitFor();
  });
});

test("a key sees what its scopes allow: other sections are not offered, and said to be closed when they are asked for", async () => {
  const { key } = await newKey(["read"]);
  await look({ key }, async ({ page, go }) => {
    const offered = await page.getByRole("navigation", { name: "Sections" }).getByRole("link").allTextContents();
    assert.deepEqual(offered, ["Overview", "Messages"]);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("heading", { name: "Relays" }).waitFor({ state: "detached" });
    await go("webhooks");
    await page.getByText("It takes a key with the scope “manage”").waitFor();
    await go(`messages/${await send()}`);
    await page.getByText("This key may look, not send.").waitFor();
    await page.getByRole("button", { name: "Resend…" }).waitFor({ state: "detached" });
  });
  const sender = await newKey(["send"]);
  await look({ key: sender.key }, async ({ page }) => {
    await page.getByRole("heading", { name: "Send a test" }).waitFor();
  });
});

test("the overview counts what happens while it is looked at, exactly, and its relay can be paused and resumed", async () => {
  // What the gateway has counted already, and what its reader has yet to count, are one number on the page.
  await send();
  await look({ key: gateway.apiKey }, async ({ page }) => {
    await page.getByText("Live", { exact: true }).waitFor();
    for (let count = 0; count < 5; count++) await send();
    await send({ to: "hardbounce@sandbox.test" });
    const totals = async () => {
      const { body } = await gateway.get<{ data: { type: string }[] }>("/v1/events?limit=100");
      const of = (type: string) => String(body.data.filter((event) => event.type === `message.${type}`).length);
      return { Accepted: of("accepted"), Sent: of("sent"), Bounced: of("bounced") };
    };
    const shown = async () => {
      const names = ["Accepted", "Sent", "Bounced"];
      const values = await Promise.all(names.map((name) => page.locator(".tile", { hasText: name }).locator(".tile-value").textContent()));
      return Object.fromEntries(names.map((name, index) => [name, values[index]]));
    };
    await eventually("the page to show what the log holds", async () => {
      const now = await totals();
      assert.ok(Number(now.Sent) >= 6 && Number(now.Bounced) >= 1, JSON.stringify(now));
      assert.deepEqual(await shown(), now);
    });
    const label = await page.getByRole("img", { name: /^Chart of mail per minute/ }).getAttribute("aria-label");
    assert.match(label ?? "", /accepted \d+, sent \d+/);
    await page.getByText("As a table, per minute").click();
    await page.getByRole("columnheader", { name: "Bounced" }).waitFor();
    // The counts of the day come from the store alone: nothing is lost between it and the stream.
    await page.getByRole("button", { name: "Last 24 hours" }).click();
    await eventually("the day's counts", async () => assert.deepEqual(await shown(), await totals()));

    const card = page.getByRole("article", { name: "Relay sandbox" });
    await card.getByText("working").waitFor();
    await card.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await card.getByText("paused", { exact: true }).waitFor();
    await card.getByRole("button", { name: "Resume" }).click();
    await card.getByText("working").waitFor();
  });
});

test("messages are found by state, recipient, tag and time; an empty result says so; the filter is in the address", async () => {
  const tag = `spring-${Date.now()}`;
  const bounced = await send({ to: "hardbounce@sandbox.test", subject: "Unlucky", tags: [tag] });
  const sent = await send({ to: "grace@example.org", subject: "Lucky", tags: [tag] });
  await Promise.all([bounced, sent].map((id) => gateway.messageSettled(id)));
  await look({ key: gateway.apiKey }, async ({ page, go }) => {
    await go(`messages?tag=${tag}`);
    const subjects = () => page.locator("tbody .main-cell a").allTextContents();
    const shows = (expected: string[]) =>
      eventually(`the list to show ${expected}`, async () => assert.deepEqual(await subjects(), expected));
    await shows(["Lucky", "Unlucky"]);
    await page.getByLabel("State").selectOption("bounced");
    await shows(["Unlucky"]);
    assert.match(page.url(), new RegExp(`#/messages\\?status=bounced&tag=${tag}$`));
    await page.goBack();
    await shows(["Lucky", "Unlucky"]);
    await page.getByLabel("Recipient").fill("grace@example.org");
    await page.getByRole("button", { name: "Find" }).click();
    await shows(["Lucky"]);
    await page.getByLabel("Accepted before").fill("2020-01-01T00:00");
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByText("No message like that").waitFor();
    await page.getByRole("link", { name: "Show all messages" }).click();
    await page.locator("tbody .main-cell a").first().waitFor();
  });
});

test("a long list goes on page by page, and shows news by itself", async () => {
  const tag = `long-${Date.now()}`;
  const message = { from: "shop@example.com", to: "ada@example.net", text: "x", tags: [tag] };
  const messages = Array.from({ length: 70 }, (_, index) => ({ ...message, subject: `Number ${index}` }));
  await gateway.post("/v1/messages/batch", { messages });
  await look({ key: gateway.apiKey }, async ({ page, go }) => {
    await go(`messages?tag=${tag}`);
    await page.getByRole("button", { name: "More messages" }).waitFor();
    const rows = page.locator("tbody tr");
    assert.equal(await rows.count(), 50);
    await send({ subject: "News", tags: [tag] });
    await rows.getByText("News").waitFor();
    await page.getByRole("button", { name: "More messages" }).click();
    await eventually("the second page", async () => assert.equal(await rows.count(), 71));
    assert.equal(
      new Set(await rows.locator(".main-cell a").evaluateAll((links) => links.map((link) => link.getAttribute("href")))).size,
      71,
    );
    await page.getByRole("button", { name: "More messages" }).waitFor({ state: "detached" });
  });
});

test("a bounced message shows the relay's own words, category, advice and dialogue, and can be retried and resent", async () => {
  const id = await send({ to: ["hardbounce@sandbox.test", "ada@example.net"], subject: "Partly lucky", html: "<p>Hello <b>Ada</b></p>" });
  await gateway.messageSettled(id);
  await look({ key: gateway.apiKey }, async ({ page, go }) => {
    await go(`messages/${id}`);
    await page.getByRole("heading", { name: "Partly lucky" }).waitFor();
    const recipient = page.locator(".recipients > li", { hasText: "hardbounce@sandbox.test" });
    await recipient.getByText("550 5.1.1").first().waitFor();
    await recipient.getByText("invalid recipient · hard bounce").waitFor();
    assert.match((await recipient.locator(".explanation p").first().textContent()) ?? "", /does not exist/);
    await page.getByRole("tab", { name: "Attempts" }).click();
    await page.getByRole("list", { name: "Transcript of attempt 1" }).getByText("RCPT TO:<hardbounce@sandbox.test>").waitFor();

    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByText("Queued again.").waitFor();
    await page.getByRole("tab", { name: "Recipients" }).click();
    await page.locator(".timeline").getByText("Retried").first().waitFor();
    await page.locator(".recipients > li", { hasText: "hardbounce@sandbox.test" }).getByText("attempt 2").waitFor();

    await page.getByRole("button", { name: "Resend…" }).click();
    await page.getByRole("dialog").getByLabel("To").fill("second@example.net");
    await page.getByRole("dialog").getByRole("button", { name: "Send" }).click();
    await page.getByText("Sent as a new message.").waitFor();
    await page.locator(".recipients").getByText("second@example.net").waitFor();
    const again = decodeURIComponent(page.url().split("/").at(-1) ?? "");
    assert.notEqual(again, id);
    const resent = await gateway.messageSettled(again);
    const { body: original } = await gateway.get<{ internet_message_id: string; subject: string }>(`/v1/messages/${id}`);
    assert.equal(resent.subject, original.subject);
    assert.notEqual(resent.internet_message_id, original.internet_message_id);
  });
});

test("a message that waits can be cancelled, and the page follows", async () => {
  const id = await send({ subject: "Later", send_at: new Date(Date.now() + 3_600_000).toISOString() });
  await look({ key: gateway.apiKey }, async ({ page, go }) => {
    await go(`messages/${id}`);
    await page.locator(".summary").getByText("scheduled").waitFor();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: "Cancel the message" }).click();
    await page.locator(".summary").getByText("cancelled").waitFor();
    await page.getByRole("button", { name: "Cancel…" }).waitFor({ state: "detached" });
  });
});

test("the test form sends, names what is wrong at its field, and shows the message's way", async () => {
  await look({ key: gateway.apiKey }, async ({ page, go }) => {
    await go("send");
    await page.getByLabel("To", { exact: true }).fill("nobody");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("To", { exact: true }).and(page.locator("[aria-invalid=true]")).waitFor();
    await page.getByRole("button", { name: "hardbounce" }).click();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.locator(".summary").getByText("bounced").waitFor();
  });
});

test("the captured mailbox fills by itself, and shows a mail as its reader sees it", async () => {
  await look({ key: gateway.apiKey }, async ({ page, go }) => {
    await go("captured");
    const subject = `Captured ${Date.now()}`;
    await send({
      subject,
      html: "<h1>Into the box</h1>",
      text: "In plain words",
      attachments: [{ filename: "a.txt", content: "SGVsbG8=" }],
    });
    await page.getByRole("link", { name: subject }).click();
    const mail = page.frameLocator("iframe.preview").frameLocator("iframe");
    await mail.getByRole("heading", { name: "Into the box" }).waitFor();
    await page.getByRole("button", { name: "Text" }).click();
    await page.getByText("In plain words").waitFor();
    await page.getByRole("button", { name: "Headers" }).click();
    await page.getByRole("rowheader", { name: "Subject" }).waitFor();
    await page.getByRole("button", { name: "Source" }).click();
    await page.getByText("Content-Type: multipart/").first().waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "a.txt" }).click();
    assert.equal((await download).suggestedFilename(), "a.txt");
  });
});
