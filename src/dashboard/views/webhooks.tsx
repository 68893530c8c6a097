// The webhooks: where events are posted to, and how that goes.
import { useState } from "preact/hooks";
import type { Webhook, WebhookWithSecret } from "../api/wire.ts";
import { useList } from "../loading.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Icon } from "../parts/icon.tsx";
import { List, Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";
import { Status } from "../parts/status.tsx";
import { Secret } from "../parts/text.tsx";
import { Time } from "../parts/time.tsx";
import { linkTo } from "../routing.ts";
import { WebhookForm } from "./webhookForm.tsx";

export function Webhooks() {
  const list = useList<Webhook>("webhooks");
  const [adding, setAdding] = useState(false);
  const [added, setAdded] = useState<WebhookWithSecret>();
  return (
    <Page
      title="Webhooks"
      actions={
        <button type="button" class="primary" onClick={() => setAdding(true)}>
          <Icon name="plus" /> Add a webhook
        </button>
      }
    >
      <List
        list={list}
        what="webhooks"
        empty={
          <Empty title="No webhooks yet">A webhook gets every event that it subscribes to, signed, until it has answered with 2xx.</Empty>
        }
      >
        {(webhooks) => <WebhookTable webhooks={webhooks} />}
      </List>
      {adding && (
        <WebhookForm
          title="Add a webhook"
          verb="Add"
          onClose={() => setAdding(false)}
          send={(client, body) => client.ask<WebhookWithSecret>("POST", "webhooks", { body })}
          onDone={(webhook) => {
            setAdding(false);
            setAdded(webhook);
            list.reload();
          }}
        />
      )}
      {added && (
        <Dialog title="The webhook is there" onClose={() => setAdded(undefined)}>
          <Secret text={added.secret} what="signing secret" />
        </Dialog>
      )}
    </Page>
  );
}

function WebhookTable({ webhooks }: { webhooks: readonly Webhook[] }) {
  return (
    <table class="rows">
      <caption class="visually-hidden">Webhooks, newest first</caption>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">URL</th>
          <th scope="col">Events</th>
          <th scope="col">Added</th>
        </tr>
      </thead>
      <tbody>
        {webhooks.map(({ id, status, url, description, events, created_at }) => (
          <tr key={id}>
            <td>
              <Status of={status} />
            </td>
            <td class="main-cell">
              <a href={linkTo(["webhooks", id])}>{url}</a>
              <span class="muted">{description}</span>
            </td>
            <td>{events.includes("*") ? "all" : `${events.length} ${events.length === 1 ? "type" : "types"}`}</td>
            <td>
              <Time at={created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
