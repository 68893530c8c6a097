// The dashboard's other rooms in a real browser: webhooks with their deliveries, suppressions, keys.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { eventually, startBrowser, type Visit, visit } from "../support/browser.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../support/webhookReceiver.ts";

let gateway: Gateway;
let browser: Browser;
let receiver: WebhookReceiver;

before(async () => {
  [gateway, browser, receiver] = await Promise.all([startGateway(), startBrowser(), startWebhookReceiver()]);
});
after(async () => {
  await browser.close();
  await gateway.stop();
  await receiver.stop();
});

/** Opens a view with a key of all scopes, and checks that nothing went wrong while the test was there. */
async function look(view: string, at: (visit: Visit) => Promise<void>): Promise<void> {
  const opened = await visit(browser, gateway, { key: gateway.apiKey });
  try {
    await opened.go(view);
    await at(opened);
    assert.deepEqual(opened.faults, []);
  } finally {
    await opened.close();
  }
}

test("a webhook is added with its secret shown once, tested, replayed and rotated, and shows request and answer of each delivery", async () => {
  await look("webhooks", async ({ page }) => {
    await page.getByText("No webhooks yet").waitFor();
    await page.getByRole("button", { name: "Add a webhook" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("URL").fill("ftp://nowhere.example");
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("URL").fill(receiver.url);
    await dialog.getByLabel("What it is for").fill("The order service");
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    const secret = (await dialog.locator(".secret code").textContent()) ?? "";
    assert.match(secret, /^whsec_/);
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByText(secret).waitFor({ state: "detached" });

    await page.getByRole("link", { name: receiver.url }).click();
    await page.getByText("No deliveries").waitFor();
    await page.getByRole("button", { name: "Send a test event" }).click();
    await page.locator(".deliveries").getByText("succeeded").waitFor();

    const { body } = await gateway.post<{ id: string }>("/v1/messages", {
      from: "shop@example.com",
      to: "ada@example.net",
      subject: "Hello",
      text: "Hello",
    });
    const delivery = page.locator(".deliveries > li", { hasText: "message.sent" });
    await delivery.getByText("succeeded").waitFor();
    await delivery.locator("summary").click();
    await delivery.getByText(body.id).waitFor();
    await delivery.getByText("HTTP 2").waitFor();
    const before = receiver.requests.length;
    await delivery.getByRole("button", { name: "Replay" }).click();
    await delivery.getByText("2 tries").waitFor();
    assert.ok(receiver.requests.length > before);

    await page.getByRole("button", { name: "Rotate secret…" }).click();
    await dialog.getByRole("button", { name: "Rotate", exact: true }).click();
    await dialog.getByText("whsec_").waitFor();
    assert.notEqual(await dialog.locator(".secret code").textContent(), secret);
    await dialog.getByRole("button", { name: "Close" }).click();

    await page.getByRole("button", { name: "Replay…" }).click();
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await page.getByText("Past events are being sent again.").waitFor();
    await delivery.getByText("3 tries").waitFor();

    await page.getByRole("button", { name: "Change…" }).click();
    await dialog.getByLabel("All of them").uncheck();
    await dialog.getByLabel("message.bounced").check();
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("definition").filter({ hasText: "message.bounced" }).waitFor();

    await page.getByRole("button", { name: "Delete…" }).click();
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No webhooks yet").waitFor();
  });
});

test("an address is suppressed, found by its beginning, and lifted; a file of them is brought in with its faulty rows named", async () => {
  await look("suppressions", async ({ page }) => {
    await page.getByText("Nobody is suppressed").waitFor();
    await page.getByRole("button", { name: "Suppress an address" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Address").fill("nobody");
    await dialog.getByRole("button", { name: "Suppress", exact: true }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Address").fill("Former@example.org");
    await dialog.getByRole("button", { name: "Suppress", exact: true }).click();
    await page.getByRole("cell", { name: "former@example.org", exact: true }).waitFor();

    await page.getByRole("button", { name: "Import…" }).click();
    const csv = "address,reason\r\nanna@example.net,complaint\r\nnobody,bounce\r\nbert@example.net,bounce\r\n";
    await dialog.getByLabel("CSV file").setInputFiles({ name: "list.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
    await dialog.getByRole("button", { name: "Import", exact: true }).click();
    await dialog.getByText("2 added").waitFor();
    await dialog.getByText("Line 3").waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();

    await page.getByLabel("Address begins with").fill("ann");
    await page.getByRole("button", { name: "Find" }).click();
    await eventually("one row", async () => assert.equal(await page.locator("tbody tr").count(), 1));
    await page.getByRole("button", { name: "Lift the suppression of anna@example.net" }).click();
    await dialog.getByText("It complained about mail").waitFor();
    await dialog.getByRole("button", { name: "Lift", exact: true }).click();
    await page.getByText("No suppression like that").waitFor();
  });
});

test("a key is made with what its maker may give, shown once, works, and is refused once it is revoked", async () => {
  await look("keys", async ({ page }) => {
    await page.getByRole("button", { name: "Make a key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("shop");
    await dialog.getByLabel("Sender domains").fill("not a domain");
    await dialog.getByRole("button", { name: "Make it" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Sender domains").fill("example.com");
    await dialog.getByRole("button", { name: "Make it" }).click();
    const key = (await dialog.locator(".secret code").textContent()) ?? "";
    await dialog.getByRole("button", { name: "Close" }).click();
    const ask = async () => (await gateway.get("/v1/messages", { authorization: `Bearer ${key}` })).status;
    assert.equal(await ask(), 200);
    await page.getByRole("button", { name: "Revoke shop" }).click();
    await dialog.getByRole("button", { name: "Revoke" }).click();
    await page.getByText("The key shop is revoked.").waitFor();
    assert.equal(await ask(), 401);
    await page.getByText("No keys but that of the configuration").waitFor();
  });
});

test("when the gateway is away the page says so, keeps what it had, and tries again when it is asked to", async () => {
  const other = await startGateway();
  const { page, close } = await visit(browser, other, { key: other.apiKey });
  try {
    await page.getByText("Live", { exact: true }).waitFor();
    await other.stop(5_000);
    await page.getByText("Reconnecting…").waitFor();
    await page.getByRole("alert").getByText("The gateway does not answer").first().waitFor();
    await page.getByRole("article", { name: "Relay sandbox" }).waitFor();
    await page.getByRole("link", { name: "Keys" }).click();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("alert").getByText("The gateway does not answer").waitFor();
  } finally {
    await close();
    await other.stop(0);
  }
});
