// The table of contents: which view an address names, and what its key must be allowed.
import type { ComponentChild } from "preact";
import type { Scope } from "./api/wire.ts";
import { installation } from "./installation.ts";
import type { IconName } from "./parts/icon.tsx";
import { Page } from "./parts/page.tsx";
import { Empty } from "./parts/states.tsx";
import { type Route, useRoute } from "./routing.ts";
import { useSession } from "./session.ts";
import { CapturedMailbox } from "./views/captured.tsx";
import { CapturedMail } from "./views/capturedMail.tsx";
import { Keys } from "./views/keys.tsx";
import { MessageView } from "./views/message.tsx";
import { Messages } from "./views/messages.tsx";
import { Overview } from "./views/overview.tsx";
import { SendTest } from "./views/sendTest.tsx";
import { Suppressions } from "./views/suppressions.tsx";
import { WebhookView } from "./views/webhook.tsx";
import { Webhooks } from "./views/webhooks.tsx";

export type Section = { name: string; words: string; icon: IconName; scope: Scope };

const always: readonly Section[] = [
  { name: "overview", words: "Overview", icon: "overview", scope: "read" },
  { name: "messages", words: "Messages", icon: "messages", scope: "read" },
  { name: "webhooks", words: "Webhooks", icon: "webhooks", scope: "manage" },
  { name: "suppressions", words: "Suppressions", icon: "suppressions", scope: "manage" },
  { name: "keys", words: "Keys", icon: "keys", scope: "manage" },
];
const mailbox: Section = { name: "captured", words: "Captured mail", icon: "captured", scope: "operator" };
const test: Section = { name: "send", words: "Send a test", icon: "send", scope: "send" };

/** What the menu offers, in its order. */
export const sections: readonly Section[] = [...always, ...(installation.isSandbox ? [mailbox] : []), test];

/** The section that a route belongs to; the first one that the key may see, where it names none. */
export function sectionOf({ path }: Route, may: (scope: Scope) => boolean): string {
  return path[0] ?? sections.find(({ scope }) => may(scope))?.name ?? "overview";
}

/** The view of the present address, or why there is none. */
export function View() {
  const { may } = useSession();
  const route = useRoute();
  const name = sectionOf(route, may);
  const section = sections.find((it) => it.name === name);
  if (!section) return <Nowhere />;
  if (!may(section.scope)) return <Forbidden section={section} />;
  return shown(name, route);
}

function shown(name: string, { path, query }: Route): ComponentChild {
  const id = path[1];
  if (name === "messages") return id === undefined ? <Messages query={query} /> : <MessageView id={id} key={id} />;
  if (name === "webhooks") return id === undefined ? <Webhooks /> : <WebhookView id={id} key={id} />;
  if (name === "suppressions") return <Suppressions />;
  if (name === "keys") return <Keys />;
  if (name === "captured") return id === undefined ? <CapturedMailbox /> : <CapturedMail id={id} key={id} />;
  if (name === "send") return <SendTest />;
  return <Overview />;
}

function Forbidden({ section }: { section: Section }) {
  return (
    <Page title={section.words}>
      <Empty title="This key may not see this">
        It takes a key with the scope “{section.scope}”. Sign in with another one, or ask whoever made this one.
      </Empty>
    </Page>
  );
}

function Nowhere() {
  return (
    <Page title="Nothing here">
      <Empty title="There is no such page">
        <a href="#/">Go to the beginning</a>
      </Empty>
    </Page>
  );
}
