// The dashboard in a real browser, and an eye on what it must never do: throw, log an error, or break its own policy.
import { access } from "node:fs/promises";
import AxeSource from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Gateway } from "./gateway.ts";
import { waitFor } from "./waitFor.ts";

const programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** On a machine with other work a page may take its time. */
export const patienceMs = 20_000;

/**
 * Starts Chromium, as Debian's package of that name has it.
 * @throws Error where there is none, with the command that installs it
 */
export async function startBrowser(): Promise<Browser> {
  for (const executablePath of programs) {
    const found = await access(executablePath).then(
      () => true,
      () => false,
    );
    // Tests may run as root, as whom Chromium has no sandbox of its own.
    if (found) return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  }
  throw new Error(`There is no Chromium (looked for ${programs.join(", ")}). As root: apt-get install chromium`);
}

export type Visit = {
  page: Page;
  /** What went wrong in the page so far: errors, failed policies, answers from other hosts. */
  faults: string[];
  /** Goes to a view, `messages?status=sent`. */
  go(view: string): Promise<void>;
  close(): Promise<void>;
};

export type VisitOptions = BrowserContextOptions & {
  /** Signed in with it; without one the page is shown as it opens. */
  key?: string;
};

/** Opens the dashboard in a fresh browser profile. Answers of the API that refuse something are no faults: the page shows them. */
export async function visit(browser: Browser, gateway: Pick<Gateway, "url">, { key, ...options }: VisitOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    ...options,
  });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`thrown: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(`console: ${message.text()}`);
  });
  // What a policy stops is seen as a request too, but has no answer.
  page.on("response", (response) => {
    const url = response.url();
    if (/^(https?|wss?):/.test(url) && !url.startsWith(`${gateway.url}/`)) faults.push(`answered from elsewhere: ${url}`);
  });
  const go = async (view: string) => {
    await page.goto(`${gateway.url}/#/${view}`);
  };
  await page.goto(`${gateway.url}/`);
  if (key !== undefined) await signIn(page, key);
  return { page, faults, go, close: () => context.close() };
}

/** Signs in and waits until the page has changed. */
export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Sections" }).waitFor();
}

/** Waits until what is looked at is as the assertions want it. Rejects with what they found at last. */
export async function eventually(what: string, look: () => Promise<void>): Promise<void> {
  const looked = () => look().then(() => true);
  await waitFor(looked, { what, timeoutMs: patienceMs, everyMs: 100 });
}

/** What axe finds against WCAG 2.2 A and AA and its best practices, in words. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // The page's own policy lets no script in but its own; a debugger's evaluation is not bound by it.
  await page.evaluate(AxeSource.source);
  const found = (await page.evaluate("axe.run(document, { iframes: false })")) as {
    violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n${html}\n${failureSummary}`),
  );
}
