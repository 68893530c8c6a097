// What the pages about sending, webhooks and migrating say of fields and events is so, and no page or place that they lead to is missing.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
type Schema = { properties: Record<string, { enum?: string[]; items?: Schema } & Partial<Schema>> };
const { schemas } = (
  JSON.parse(read("openapi/postern.json")) as { components: { schemas: Record<"SendRequest" | "Event" | "Problem", Schema> } }
).components;
const request = schemas.SendRequest.properties;
const fields = Object.keys(request);
const events = schemas.Event.properties.type?.enum ?? [];

/** The rows of all tables whose head begins so, as cells. */
function rowsOf(text: string, head: string): string[][] {
  const lines = text.split("\n");
  const rows = lines.flatMap((line, start) => {
    if (!line.startsWith(head)) return [];
    const length = lines.slice(start).findIndex((below) => !below.startsWith("|"));
    return lines.slice(start + 2, start + length);
  });
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const words = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

/** Names that follow one another with their first part left out: `message.sent`, `.bounced`. */
function eventsIn(cell: string | undefined): string[] {
  let family = "";
  return words(cell).map((word) => {
    if (!word.startsWith(".")) family = word.split(".")[0] ?? "";
    return word.startsWith(".") ? family + word : word;
  });
}

test("docs/sending.md explains every field of the send request, and no other", () => {
  const rows = rowsOf(read("docs/sending.md"), "| field |");
  assert.deepEqual(rows.flatMap(([names]) => words(names)).toSorted(), fields.toSorted());
});

test("docs/webhooks.md names every event, and the fields of one", () => {
  const text = read("docs/webhooks.md");
  const named = rowsOf(text, "| event |").flatMap(([names]) => eventsIn(names));
  assert.deepEqual(named.toSorted(), events.toSorted());
  const data = Object.keys(schemas.Event.properties.data?.properties ?? {});
  const said = words(/`data` holds (.*)\.$/m.exec(text)?.[1]);
  assert.deepEqual(
    data.filter((name) => !said.includes(name)),
    ["suppression", "webhook_id"],
  );
});

test("docs/migrating.md leads only to fields and events that there are", () => {
  const text = read("docs/migrating.md");
  const providers = ["SendGrid", "Resend", "Postmark", "Mailgun"];
  for (const provider of providers) {
    const rows = rowsOf(text, `| ${provider} | Postern |`);
    assert.ok(rows.length >= 7, provider);
    for (const [theirs, ours] of rows) {
      for (const path of words(ours)) {
        const [name = "", member] = path.replace("[]", "").split(".");
        // After `attachments[].content` come further members of it.
        const isMember = words(ours)[0]?.startsWith("attachments[]") && request.attachments?.items?.properties[path];
        assert.ok(fields.includes(name) || isMember, `${theirs}: ${path}`);
        const members = request[name]?.items?.properties ?? request[name]?.properties;
        if (member) assert.ok(members && Object.hasOwn(members, member), `${theirs}: ${path}`);
      }
    }
  }
  const rows = providers.flatMap((provider) => [...rowsOf(text, `| ${provider}'s event |`), ...rowsOf(text, `| ${provider}'s webhook |`)]);
  assert.ok(rows.length > 25);
  for (const [theirs, ours] of rows) {
    const named = eventsIn(ours).filter((name) => name.includes("."));
    for (const name of named) assert.ok(events.includes(name), `${theirs}: ${name}`);
  }
});

test("every page is in the index, and every link between the pages leads to a file", () => {
  const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  const index = read("docs/README.md");
  for (const page of pages) assert.ok(page === "README.md" || index.includes(`(${page})`), page);
  for (const page of ["README.md", "CONTRIBUTING.md", ...pages.map((name) => `docs/${name}`)]) {
    for (const [, target = ""] of read(page).matchAll(/\]\((?!https?:)([^)#\s]+)/g)) {
      assert.ok(existsSync(join(root, dirname(page), target)), `${page}: ${target}`);
    }
  }
});
