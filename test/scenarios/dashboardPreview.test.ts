// Mail is hostile: whatever it holds, its preview runs nothing, loads nothing, leads nowhere, and cannot reach the page around it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Browser, Frame, Page } from "playwright-core";
import { patienceMs, startBrowser, visit } from "../support/browser.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let browser: Browser;

/** A host that should never hear of it. */
const asked: string[] = [];
const outside = createServer((request, response) => {
  asked.push(request.url ?? "");
  response.end();
});
/** Even a connection without a request would tell that the mail is being read. */
let connections = 0;
outside.on("connection", () => {
  connections += 1;
});
let origin = "";

before(async () => {
  await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
  [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
});
after(async () => {
  await browser.close();
  await gateway.stop();
  outside.close();
});

/** Every way out that is known to us. Each names the host that it would reach. */
const hostile = () => `<!doctype html>
<html><head>
<base href="${origin}/base/">
<meta http-equiv="refresh" content="0;url=${origin}/refresh">
<meta http-equiv="content-security-policy" content="default-src *">
<link rel="stylesheet" href="${origin}/style.css"><link rel="preconnect" href="${origin}"><link rel="prefetch" href="${origin}/prefetch">
<link rel="dns-prefetch" href="${origin}"><link rel="icon" href="${origin}/icon">
<style>@import url("${origin}/import.css"); @font-face { font-family: x; src: url("${origin}/font") }
body { background: url("${origin}/background"); font-family: x; color: rgb(1, 2, 3) } h1::after { content: url("${origin}/content") }</style>
<script>top.hacked = parent.parent.hacked = 1; fetch("${origin}/script")</script>
<script src="${origin}/script.js"></script>
</head><body onload="parent.parent.hacked = 2">
<h1 style="background-image: url(${origin}/attribute)">Still here</h1>
<img src="${origin}/image" srcset="${origin}/set 2x" onerror="parent.parent.hacked = 3"><img src="//127.0.0.1:1/relative">
<picture><source srcset="${origin}/source"><img src="x"></picture>
<svg><script>parent.parent.hacked = 4</script><image href="${origin}/svg"/><use href="${origin}/use#a"/></svg>
<math><mtext><table><mglyph><style><img src onerror="parent.parent.hacked = 5"></style></mglyph></table></mtext></math>
<video src="${origin}/video" poster="${origin}/poster" autoplay></video><audio src="${origin}/audio" autoplay></audio>
<iframe src="${origin}/frame"></iframe><iframe srcdoc="<script>top.hacked = 6</script>"></iframe>
<object data="${origin}/object"></object><embed src="${origin}/embed">
<form action="${origin}/form" id="f"><input name="a" autofocus onfocus="parent.parent.hacked = 7"><button type="submit">Submit</button></form>
<a href="${origin}/link" target="_top" ping="${origin}/ping">To the top</a>
<a href="${origin}/self">Here</a><a href="javascript:parent.parent.hacked=8" target="_parent">Script</a>
<a href="${origin}/new" target="_blank">New window</a>
<img src="cid:logo@example.com" alt="Logo" id="logo">
</body></html>`;

/** A red dot. */
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

async function openPreview(page: Page): Promise<Frame> {
  await page.locator("iframe.preview").waitFor();
  await page.frameLocator("iframe.preview").frameLocator("iframe").getByText("Still here").waitFor({ timeout: patienceMs });
  const inner = page.frames().find((frame) => frame.parentFrame()?.url().includes("/assets/preview-"));
  assert.ok(inner);
  return inner;
}

test("a hostile mail's preview shows its words and styles and the images that it brings, and does nothing else", async () => {
  const { status, body } = await gateway.post<{ id: string }>("/v1/messages", {
    from: "evil@example.com",
    to: "ada@example.net",
    subject: `<img src="${origin}/subject" onerror="hacked=9"><script>hacked=10</script>`,
    html: hostile(),
    metadata: { name: `<b>bold</b><img src=${origin}/metadata>` },
    attachments: [
      { filename: `"><img src=x onerror=top.hacked=11>.png`, content: dot, content_type: "image/png", content_id: "logo@example.com" },
    ],
  });
  assert.equal(status, 202, JSON.stringify(body));
  await gateway.messageSettled(body.id);
  const { page, faults, go, close } = await visit(browser, gateway, { key: gateway.apiKey });
  try {
    await go(`messages/${body.id}`);
    await page.getByRole("tab", { name: "Details" }).click();
    await page.getByText("<b>bold</b>").waitFor();
    await page.getByRole("tab", { name: "Content" }).click();
    const inner = await openPreview(page);
    await page.getByText("images of other hosts not loaded").waitFor();

    const preview = page.frameLocator("iframe.preview").frameLocator("iframe");
    assert.equal(await page.frameLocator("iframe.preview").locator("iframe").getAttribute("sandbox"), "");
    assert.equal(await inner.evaluate("self.origin"), "null");
    assert.equal(
      await inner.evaluate("getComputedStyle(document.querySelector('h1')).color"),
      "rgb(1, 2, 3)",
      "it looks as it was made to look",
    );
    await preview.getByRole("img", { name: "Logo" }).waitFor();
    assert.equal(await inner.evaluate("document.querySelector('#logo').naturalWidth"), 1, "an image that came with it is shown");

    const address = page.url();
    const said = preview.getByText("To the top", { exact: true }).getAttribute("title");
    for (const name of ["To the top", "Here", "Script", "New window"]) {
      await preview.getByText(name, { exact: true }).click();
    }
    await preview.getByText("Still here").waitFor();
    // Whatever a click has set off would be under way before the page has answered to this.
    await page.getByRole("button", { name: "Headers" }).click();
    await page.getByRole("rowheader", { name: "Subject" }).waitFor();
    assert.equal(page.url(), address);
    assert.equal(await said, `${origin}/link`, "a link says where it would have led");
    assert.equal(page.context().pages().length, 1);
    assert.equal(await page.evaluate("globalThis.hacked"), undefined);
    assert.deepEqual([asked, connections], [[], 0]);
    assert.deepEqual(
      faults.filter((fault) => !fault.startsWith("console:")),
      [],
      "what the frame's policy stopped is told on the console, and nothing left the page",
    );
  } finally {
    await close();
  }
});

test("the page and the preview's frame say by their own policies what they may do", async () => {
  const home = await gateway.request<string>("GET", "/", { headers: { authorization: "" } });
  assert.equal(home.status, 200);
  const policy = home.headers.get("content-security-policy") ?? "";
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.match(policy, /require-trusted-types-for 'script'; trusted-types 'none'/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*|data:/);
  assert.equal(home.headers.get("x-frame-options"), "SAMEORIGIN");
  assert.match(policy, /frame-ancestors 'none'/);
  const [, preview = ""] = /data-preview="([^"]+)"/.exec(home.body) ?? [];
  const frame = await gateway.request<string>("GET", `/${preview}`, { headers: { authorization: "" } });
  assert.equal(frame.status, 200);
  const frameListed = frame.headers.get("content-security-policy") ?? "";
  assert.match(frameListed, /^default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:;/);
  assert.doesNotMatch(frameListed, /script-src|connect-src/);
  assert.doesNotMatch(frame.body, /<script/);
});
