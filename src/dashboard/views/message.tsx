// One message: what became of every recipient, what it says, and what may still be done about it.
import { useState } from "preact/hooks";
import type { Attempt, Event, Message, Page as WirePage } from "../api/wire.ts";
import { formatSize, formatWhole, inWords } from "../format.ts";
import { useEvents, useLoaded } from "../loading.ts";
import { Page, Panel } from "../parts/page.tsx";
import { Loadable } from "../parts/states.tsx";
import { Status } from "../parts/status.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { CopyButton } from "../parts/text.tsx";
import { Time } from "../parts/time.tsx";
import { linkTo } from "../routing.ts";
import { useSession } from "../session.ts";
import { Attempts } from "./attempts.tsx";
import { MessageActions } from "./messageActions.tsx";
import { MessageContent } from "./messageContent.tsx";
import { Tags } from "./messages.tsx";
import { RecipientTimelines } from "./timeline.tsx";

type Whole = { message: Message; events: Event[]; attempts: Attempt[] };
type Tab = "recipients" | "content" | "attempts" | "details";

const tabs: readonly (readonly [Tab, string])[] = [
  ["recipients", "Recipients"],
  ["content", "Content"],
  ["attempts", "Attempts"],
  ["details", "Details"],
];

/** The most events of a message that one page holds. */
const eventsMax = 100;

export function MessageView({ id }: { id: string }) {
  const { client } = useSession();
  const [tab, setTab] = useState<Tab>("recipients");
  const path = `messages/${encodeURIComponent(id)}`;
  const loaded = useLoaded<Whole>(
    async (signal) => {
      const [message, events, attempts] = await Promise.all([
        client.get<Message>(path, {}, signal),
        client.get<WirePage<Event>>(`${path}/events`, { limit: eventsMax }, signal),
        client.get<WirePage<Attempt>>(`${path}/attempts`, {}, signal),
      ]);
      if (!message.ok) return message;
      if (!events.ok) return events;
      if (!attempts.ok) return attempts;
      return { ok: true, data: { message: message.data, events: events.data.data, attempts: attempts.data.data } };
    },
    [id],
  );
  useEvents("now", (events) => {
    if (events.some(({ data }) => data.message_id === id)) loaded.reload();
  });
  const message = loaded.data?.message;
  return (
    <Page
      title={message ? message.subject || "(no subject)" : "Message"}
      back={[linkTo(["messages"]), "Messages"]}
      actions={message && <MessageActions message={message} onChanged={loaded.reload} />}
    >
      <Loadable loaded={loaded} what="the message" rows={6}>
        {(whole) => (
          <>
            <Summary message={whole.message} />
            <Tabs label="The message" tabs={tabs} open={tab} onOpen={setTab}>
              {tab === "recipients" && <RecipientTimelines message={whole.message} events={whole.events} />}
              {tab === "content" && <MessageContent message={whole.message} />}
              {tab === "attempts" && <Attempts attempts={whole.attempts} />}
              {tab === "details" && <Details message={whole.message} />}
            </Tabs>
          </>
        )}
      </Loadable>
    </Page>
  );
}

function Summary({ message }: { message: Message }) {
  const { status, from, recipients, created_at, send_at, tags } = message;
  return (
    <div class="summary">
      <Status of={status} />
      <span>
        <span class="muted">from</span> <span class="address">{from}</span>
      </span>
      <span>
        <span class="muted">to</span> <span class="address">{recipients[0]?.address}</span>
        {recipients.length > 1 && <span class="muted"> and {recipients.length - 1} more</span>}
      </span>
      <span>
        <span class="muted">accepted</span> <Time at={created_at} />
      </span>
      {send_at && (
        <span>
          <span class="muted">to be sent</span> <Time at={send_at} />
        </span>
      )}
      <Tags tags={tags} />
    </div>
  );
}

function Details({ message }: { message: Message }) {
  const metadata = Object.entries(message.metadata);
  return (
    <div class="columns">
      <Panel title="Message">
        <dl class="facts wide">
          <dt>Id</dt>
          <dd>
            <code>{message.id}</code>
            <CopyButton text={message.id} what="id" />
          </dd>
          <dt>Message-ID</dt>
          <dd>
            <code>{message.internet_message_id}</code>
            <CopyButton text={message.internet_message_id} what="Message-ID" />
          </dd>
          <dt>Lane</dt>
          <dd>{inWords(message.lane)}</dd>
          <dt>Size</dt>
          <dd>{formatSize(message.size)}</dd>
          <dt>Accepted</dt>
          <dd>{formatWhole(message.created_at)}</dd>
          <dt>Settled by</dt>
          <dd>{formatWhole(message.expires_at)}</dd>
        </dl>
      </Panel>
      {metadata.length > 0 && (
        <Panel title="Metadata">
          <dl class="facts wide">
            {metadata.map(([name, value]) => (
              <>
                <dt key={name}>{name}</dt>
                <dd>{value}</dd>
              </>
            ))}
          </dl>
        </Panel>
      )}
    </div>
  );
}
