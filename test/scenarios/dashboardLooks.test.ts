// The dashboard for everybody: in light and dark, on a wide screen and a narrow one, by keyboard and by screen reader; and quickly.
// With POSTERN_SCREENSHOTS=1 it also writes the pictures of docs/images.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { connectFresh } from "../store/ledgerForTests.ts";
import { accessibilityFaults, eventually, startBrowser, visit } from "../support/browser.ts";
import { type DashboardContent, fillDashboard } from "../support/dashboardContent.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

let gateway: Gateway;
let browser: Browser;
let content: DashboardContent;

before(async () => {
  [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
  content = await fillDashboard(gateway);
});
after(async () => {
  await browser.close();
  await gateway.stop();
});

const narrow = { width: 390, height: 844 };

type Stop = { name: string; view: string; ready: (page: Page) => Promise<unknown> };

/** Every view, and how it is known that it is there. */
const stops = (): Stop[] => [
  { name: "overview", view: "overview", ready: (page) => page.getByRole("article", { name: "Relay sandbox" }).waitFor() },
  { name: "messages", view: "messages", ready: (page) => page.locator("tbody tr").first().waitFor() },
  { name: "message", view: `messages/${content.bounced}`, ready: (page) => page.locator(".timeline").first().waitFor() },
  { name: "webhooks", view: "webhooks", ready: (page) => page.locator("tbody tr").first().waitFor() },
  { name: "webhook", view: `webhooks/${content.webhook}`, ready: (page) => page.locator(".deliveries li").first().waitFor() },
  { name: "suppressions", view: "suppressions", ready: (page) => page.locator("tbody tr").first().waitFor() },
  { name: "keys", view: "keys", ready: (page) => page.locator("tbody tr").first().waitFor() },
  { name: "captured", view: `captured/${content.captured}`, ready: (page) => page.locator("iframe.preview").waitFor() },
  { name: "send", view: "send", ready: (page) => page.getByLabel("Subject").waitFor() },
];

for (const theme of ["light", "dark"] as const) {
  test(`axe finds nothing wrong in any view, ${theme}`, async () => {
    const { page, faults, go, close } = await visit(browser, gateway, { colorScheme: theme });
    try {
      const check = async (where: string) => assert.deepEqual(await accessibilityFaults(page), [], where);
      await page.getByLabel("API key").waitFor();
      await check("sign in");
      await page.getByLabel("API key").fill(gateway.apiKey);
      await page.keyboard.press("Enter");
      for (const { name, view, ready } of stops()) {
        await go(view);
        await ready(page);
        await check(name);
      }
      await go(`messages/${content.bounced}`);
      await page.getByRole("tab", { name: "Attempts" }).click();
      await page.locator(".transcript").waitFor();
      await check("attempts");
      await page.getByRole("button", { name: "Resend…" }).click();
      await page.getByRole("dialog").waitFor();
      await check("a dialog");
      assert.deepEqual(faults, []);
    } finally {
      await close();
    }
  });
}

test("on a phone no view is wider than the screen, and every section can be reached", async () => {
  const { page, faults, go, close } = await visit(browser, gateway, { key: gateway.apiKey, viewport: narrow, hasTouch: true });
  try {
    for (const { name, view, ready } of stops()) {
      await go(view);
      await ready(page);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(width) <= narrow.width, `${name} is ${width} wide`);
    }
    const current = page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name: "Send a test" });
    await eventually("the menu to show where one is", async () => {
      assert.equal(await current.getAttribute("aria-current"), "page");
      const box = await current.boundingBox();
      assert.ok(box && box.x >= 0 && box.x + box.width <= narrow.width, JSON.stringify(box));
    });
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test("with the keyboard alone one signs in, finds a message, opens it, goes through its tabs and a dialog, and comes back", async () => {
  const { page, faults, close } = await visit(browser, gateway);
  try {
    const press = (key: string) => page.keyboard.press(key);
    const focused = () => page.evaluate("(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()");
    const focusOn = (text: string) => eventually(`the focus to be on ${text}`, async () => assert.equal(await focused(), text));
    /** Tab until it is reached: what cannot be reached ends the test. */
    const tabTo = async (text: string) => {
      for (let steps = 0; steps < 80; steps++) {
        await press("Tab");
        if ((await focused()) === text) return;
      }
      assert.fail(`the keyboard does not reach ${text}`);
    };
    await page.getByLabel("API key").waitFor();
    await press("Tab");
    await page.keyboard.type(gateway.apiKey);
    await press("Enter");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await focusOn("Overview");
    await page.getByRole("button", { name: "Skip to content" }).focus();
    await press("Enter");
    assert.equal(await page.evaluate("document.activeElement.id"), "main");
    await page.getByRole("link", { name: "Messages" }).focus();
    await press("Enter");
    await page.locator("tbody tr").first().waitFor();
    await focusOn("Messages");
    await tabTo("Happy new year");
    await press("Enter");
    await page.getByRole("tab", { name: "Recipients" }).waitFor();
    await tabTo("Recipients");
    await press("ArrowRight");
    await page.getByRole("tab", { name: "Content", selected: true }).waitFor();
    await press("ArrowLeft");
    await press("ArrowLeft");
    await focusOn("Details");
    await page.getByRole("button", { name: "Cancel…" }).focus();
    await press("Enter");
    await page.getByRole("dialog").waitFor();
    for (let steps = 0; steps < 6; steps++) {
      await press("Tab");
      assert.ok(
        await page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')"),
        "the focus stays inside",
      );
    }
    await press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await focusOn("Cancel…");
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test("the theme follows the system until one is chosen, and the choice is kept", async () => {
  const { page, close } = await visit(browser, gateway, { key: gateway.apiKey, colorScheme: "dark" });
  try {
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const dark = await ground();
    await page.getByRole("button", { name: "Light", exact: true }).click();
    const light = await ground();
    assert.notEqual(light, dark);
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.equal(await ground(), light);
    await page.getByRole("button", { name: "As the system" }).click();
    assert.equal(await ground(), dark);
  } finally {
    await close();
  }
});

test("the whole dashboard is smaller than 60 kB gzipped, and a browser that has it asks for none of it again", async () => {
  const anonymous = { authorization: "" };
  const home = await gateway.request<string>("GET", "/", { headers: anonymous });
  const names = [...home.body.matchAll(/assets\/[\w.-]+/g)].map(([name]) => name);
  assert.ok(names.length >= 4);
  const texts = new Map([["", home.body]]);
  for (const name of names) {
    const { status, headers, body } = await gateway.request<string>("GET", `/${name}`, { headers: anonymous });
    assert.equal(status, 200, name);
    assert.equal(headers.get("cache-control"), "public, max-age=31536000, immutable");
    texts.set(name, body);
    // What is loaded later is named in what is loaded first.
    for (const [, later = ""] of body.matchAll(/["'`]\.\/([\w-]+-[A-Z0-9]{8}\.js)["'`]/g))
      if (!names.includes(`assets/${later}`)) names.push(`assets/${later}`);
  }
  const bytes = [...texts.values()].reduce((sum, text) => sum + gzipSync(text).length, 0);
  assert.ok(bytes < 60_000, `${bytes} bytes`);
  assert.ok(bytes > 20_000 && texts.size >= 6, "all of it was measured");
  for (const [name, text] of texts) assert.doesNotMatch(text, /(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?\/\/(?!www\.w3\.org)/, name);

  const etag = home.headers.get("etag") ?? "";
  const again = await gateway.request("GET", "/", { headers: { ...anonymous, "if-none-match": `"other", W/${etag}` } });
  assert.deepEqual([again.status, again.body], [304, undefined]);
  assert.equal(home.headers.get("cache-control"), "no-cache");
  assert.equal((await gateway.request("GET", "/assets/none.js")).status, 404);
  assert.equal((await gateway.request("GET", "/assets/..%2findex.html")).status, 404);
});

const pictures = fileURLToPath(new URL("../../docs/images", import.meta.url));

/** An hour of a shop's mail, as the reader of the log would have counted it. */
async function stageHour(redis: TestRedis): Promise<void> {
  const connection = await connectFresh(redis, redis.url);
  const minute = Math.floor(connection.clock.now() / 60_000);
  const pipeline = connection.redis.pipeline();
  for (let ago = 1; ago < 60; ago++) {
    const accepted = Math.round(160 + 70 * Math.sin(ago / 9) + 40 * Math.sin(ago * 1.7) + (ago > 20 && ago < 27 ? 150 : 0));
    const deferred = ago > 30 && ago < 41 ? Math.round(45 - 9 * Math.abs(35 - ago)) : ago % 4;
    const counts = { accepted, sent: accepted - Math.max(0, deferred), deferred: Math.max(0, deferred), bounced: 2 + (ago % 5) };
    const at = minute - ago;
    const key = connection.keys.tenantStats("default", Math.floor(at / 15));
    for (const [name, count] of Object.entries(counts)) pipeline.hset(key, `${at % 15} ${name}`, count);
  }
  await pipeline.exec();
  await connection.close();
}

if (process.env.POSTERN_SCREENSHOTS === "1") {
  test("the pictures of the documentation are taken", async () => {
    const redis = await startRedis();
    const shop = await startGateway({ env: { REDIS_URL: redis.url, POSTERN_SANDBOX: "true" } });
    content = await fillDashboard(shop);
    await stageHour(redis);
    await mkdir(pictures, { recursive: true });
    for (const theme of ["light", "dark"] as const) {
      for (const [size, viewport] of [["wide", { width: 1160, height: 760 }] as const, ["phone", narrow] as const]) {
        const { page, go, close } = await visit(browser, shop, { key: shop.apiKey, colorScheme: theme, viewport });
        for (const { name, view, ready } of stops().slice(0, 3)) {
          await go(view);
          await ready(page);
          if (name === "overview") await page.getByText("Live", { exact: true }).waitFor();
          await page.screenshot({ path: `${pictures}/dashboard-${name}-${theme}-${size}.png` });
        }
        await close();
      }
    }
    await shop.stop();
    await redis.stop();
  });
}
