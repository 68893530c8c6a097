// The messages, newest first: found by state, recipient, sender, tag and time.
import { useEffect, useState } from "preact/hooks";
import type { Message, RecipientStatus } from "../api/wire.ts";
import { formatNumber } from "../format.ts";
import { useEvents, useList } from "../loading.ts";
import { Choice, TextField } from "../parts/fields.tsx";
import { List, Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";
import { Status } from "../parts/status.tsx";
import { Time } from "../parts/time.tsx";
import { goTo, linkTo } from "../routing.ts";

const statuses: readonly RecipientStatus[] = [
  ...(["scheduled", "queued", "sending", "deferred", "sent", "delivered"] as const),
  ...(["bounced", "complained", "failed", "unknown", "suppressed", "cancelled"] as const),
];

const filters = ["status", "recipient", "from", "tag", "created_after", "created_before"] as const;
type Filter = Record<(typeof filters)[number], string>;

/** How often a list that is looked at is brought up to date, at most. */
const freshenEveryMs = 2_000;

/** `query`: the filter, in the address. */
export function Messages({ query }: { query: URLSearchParams }) {
  const filter = Object.fromEntries(filters.map((name) => [name, query.get(name) ?? ""])) as Filter;
  const list = useList<Message>("messages", filter);
  const [stale, setStale] = useState(false);
  useEvents("now", () => setStale(true));
  const { grown, reload, busy } = list;
  useEffect(() => {
    // What was read on to stays: the list below the user's eyes does not move.
    if (!stale || grown || busy) return;
    const timer = setTimeout(() => {
      setStale(false);
      reload();
    }, freshenEveryMs);
    return () => clearTimeout(timer);
  }, [stale, grown, busy, reload]);
  const filtered = filters.some((name) => filter[name] !== "");
  return (
    <Page title="Messages">
      <FilterForm filter={filter} key={query.toString()} />
      {stale && grown && (
        <button type="button" class="more" onClick={reload}>
          There is news: show the newest
        </button>
      )}
      <List
        list={list}
        what="messages"
        empty={
          filtered ? (
            <Empty title="No message like that">
              <a href={linkTo(["messages"])}>Show all messages</a>
            </Empty>
          ) : (
            <Empty title="No messages yet">
              <a href={linkTo(["send"])}>Send a test</a>, or post one to <code>/v1/messages</code>.
            </Empty>
          )
        }
      >
        {(messages) => <MessageTable messages={messages} />}
      </List>
    </Page>
  );
}

function FilterForm({ filter }: { filter: Filter }) {
  const [wanted, setWanted] = useState(filter);
  const set = (name: keyof Filter) => (value: string) => setWanted((before) => ({ ...before, [name]: value }));
  const apply = (changed: Filter) => goTo(linkTo(["messages"], changed));
  const more = filters.slice(2).some((name) => filter[name] !== "");
  return (
    <search>
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          apply(wanted);
        }}
      >
        <Choice
          label="State"
          value={wanted.status}
          choices={[["", "Any state"], ...statuses.map((status) => [status, status] as const)]}
          onValue={(status) => {
            set("status")(status);
            apply({ ...wanted, status });
          }}
        />
        <TextField label="Recipient" type="email" placeholder="ada@example.net" value={wanted.recipient} onValue={set("recipient")} />
        <details class="filter-more" open={more}>
          <summary>More</summary>
          <div class="filter-fields">
            <TextField label="Sender" type="email" value={wanted.from} onValue={set("from")} />
            <TextField label="Tag" value={wanted.tag} onValue={set("tag")} />
            <TimeField label="Accepted after" value={wanted.created_after} onValue={set("created_after")} />
            <TimeField label="Accepted before" value={wanted.created_before} onValue={set("created_before")} />
          </div>
        </details>
        <div class="filter-actions">
          <button type="submit">Find</button>
          {filters.some((name) => filter[name] !== "") && <a href={linkTo(["messages"])}>Clear</a>}
        </div>
      </form>
    </search>
  );
}

/** `value` is a time of the wire, or empty; the browser shows and takes local time. */
function TimeField({ label, value, onValue }: { label: string; value: string; onValue: (value: string) => void }) {
  const time = Date.parse(value);
  const local = Number.isNaN(time) ? "" : new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  return (
    <TextField
      label={label}
      type="datetime-local"
      value={local}
      onValue={(text) => onValue(text === "" ? "" : new Date(text).toISOString())}
    />
  );
}

function MessageTable({ messages }: { messages: readonly Message[] }) {
  return (
    <table class="rows messages">
      <caption class="visually-hidden">Messages, newest first</caption>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Subject</th>
          <th scope="col">To</th>
          <th scope="col">Tags</th>
          <th scope="col">Accepted</th>
        </tr>
      </thead>
      <tbody>
        {messages.map((message) => (
          <tr key={message.id}>
            <td>
              <Status of={message.status} />
            </td>
            <td class="main-cell">
              <a href={linkTo(["messages", message.id])}>{message.subject || "(no subject)"}</a>
              <span class="muted">{message.from}</span>
            </td>
            <td>
              <Recipients message={message} />
            </td>
            <td>
              <Tags tags={message.tags} />
            </td>
            <td>
              <Time at={message.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Recipients({ message: { recipients } }: { message: Message }) {
  const [first] = recipients;
  return (
    <>
      <span class="address">{first?.address}</span>
      {recipients.length > 1 && (
        <span class="muted" title={recipients.map(({ address }) => address).join(", ")}>
          {" "}
          +{formatNumber(recipients.length - 1)}
        </span>
      )}
    </>
  );
}

/** Each a link to the messages that carry it. */
export function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <>
      {tags.map((tag) => (
        <a class="tag" key={tag} href={linkTo(["messages"], { tag })}>
          {tag}
        </a>
      ))}
    </>
  );
}
