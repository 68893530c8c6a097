// One webhook: how it fares, what was sent to it and what it answered, and what may be done about it.
import { useState } from "preact/hooks";
import type { Delivery, DeliveryStatus, Webhook, WebhookWithSecret } from "../api/wire.ts";
import { useEvents, useList, useLoaded } from "../loading.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Confirm, Dialog } from "../parts/dialog.tsx";
import { Switch } from "../parts/fields.tsx";
import { useNotice } from "../parts/notices.tsx";
import { List, Page, Panel } from "../parts/page.tsx";
import { Empty, Failure, Loadable } from "../parts/states.tsx";
import { Status } from "../parts/status.tsx";
import { Secret } from "../parts/text.tsx";
import { Time } from "../parts/time.tsx";
import { goTo, linkTo } from "../routing.ts";
import { useSession } from "../session.ts";
import { Deliveries } from "./deliveries.tsx";
import { ReplayForm } from "./replayForm.tsx";
import { WebhookForm } from "./webhookForm.tsx";

type Asked = "change" | "rotate" | "delete" | "replay";

/** A delivery takes a moment to be tried. */
const triedAfterMs = 1_500;

export function WebhookView({ id }: { id: string }) {
  const { client, may } = useSession();
  const path = `webhooks/${encodeURIComponent(id)}`;
  const loaded = useLoaded<Webhook>((signal) => client.get(path, {}, signal), [id]);
  const [status, setStatus] = useState<DeliveryStatus | "">("");
  const deliveries = useList<Delivery>(`${path}/deliveries`, { status });
  const reload = () => {
    loaded.reload();
    if (!deliveries.grown) deliveries.reload();
  };
  const reloadSoon = () => {
    reload();
    setTimeout(reload, triedAfterMs);
  };
  // What happens is soon on its way to the webhook.
  useEvents(may("read") ? "now" : undefined, reloadSoon);
  return (
    <Page
      title="Webhook"
      back={[linkTo(["webhooks"]), "Webhooks"]}
      actions={loaded.data && <WebhookActions webhook={loaded.data} path={path} onChanged={reloadSoon} />}
    >
      <Loadable loaded={loaded} what="the webhook">
        {(webhook) => <About webhook={webhook} />}
      </Loadable>
      <Panel
        title="Deliveries"
        actions={
          <Switch
            label="Which deliveries"
            value={status}
            choices={[
              ["", "All"],
              ["pending", "Pending"],
              ["succeeded", "Succeeded"],
              ["failed", "Failed"],
            ]}
            onValue={setStatus}
          />
        }
      >
        <List
          list={deliveries}
          what="deliveries"
          empty={<Empty title="No deliveries">Send a test event, or wait for something to happen.</Empty>}
        >
          {(items) => <Deliveries deliveries={items} path={path} onChanged={reloadSoon} />}
        </List>
      </Panel>
    </Page>
  );
}

function About({ webhook }: { webhook: Webhook }) {
  const { url, status, events, description, created_at, failing_since, disabled_at, disabled_reason } = webhook;
  return (
    <Panel title={url} actions={<Status of={status} />}>
      {description && <p>{description}</p>}
      {status === "disabled" && (
        <p class="note">
          Disabled {disabled_at && <Time at={disabled_at} />}:{" "}
          {disabled_reason === "gone" ? "it answered 410 Gone." : "no try succeeded for five days."} Nothing is sent until it is enabled.
        </p>
      )}
      {failing_since && (
        <p class="note">
          Failing since <Time at={failing_since} />.
        </p>
      )}
      <dl class="facts wide">
        <dt>Events</dt>
        <dd>{events.includes("*") ? "all" : events.join(", ")}</dd>
        <dt>Added</dt>
        <dd>
          <Time at={created_at} />
        </dd>
      </dl>
    </Panel>
  );
}

function WebhookActions({ webhook, path, onChanged }: { webhook: Webhook; path: string; onChanged: () => void }) {
  const { client } = useSession();
  const say = useNotice();
  const [asked, setAsked] = useState<Asked>();
  const [secret, setSecret] = useState<string>();
  const close = () => setAsked(undefined);
  const changed = (text: string) => {
    close();
    say(text);
    onChanged();
  };
  const test = useAction(
    () => client.ask<Delivery>("POST", `${path}/test`),
    () => changed("A test event is on its way."),
  );
  const enable = useAction(
    () => client.ask<Webhook>("POST", `${path}/enable`),
    () => changed("The webhook takes part again."),
  );
  const rotate = useAction(
    () => client.ask<WebhookWithSecret>("POST", `${path}/rotate_secret`),
    (rotated) => {
      close();
      setSecret(rotated.secret);
    },
  );
  const remove = useAction(
    () => client.ask("DELETE", path),
    () => {
      say("The webhook is gone.");
      goTo(linkTo(["webhooks"]));
    },
  );
  return (
    <>
      {webhook.status === "disabled" ? (
        <ActionButton action={enable} kind="primary">
          Enable
        </ActionButton>
      ) : (
        <ActionButton action={test} kind="primary">
          Send a test event
        </ActionButton>
      )}
      <button type="button" onClick={() => setAsked("replay")}>
        Replay…
      </button>
      <button type="button" onClick={() => setAsked("change")}>
        Change…
      </button>
      <button type="button" onClick={() => setAsked("rotate")}>
        Rotate secret…
      </button>
      <button type="button" class="danger" onClick={() => setAsked("delete")}>
        Delete…
      </button>
      {[test, enable].map(({ problem }, index) => problem && <Failure key={String(index)} problem={problem} />)}
      {asked === "replay" && <ReplayForm path={path} onClose={close} onDone={() => changed("Past events are being sent again.")} />}
      {asked === "change" && (
        <WebhookForm
          title="Change the webhook"
          verb="Save"
          before={webhook}
          onClose={close}
          send={(it, body) => it.ask<Webhook>("PATCH", path, { body })}
          onDone={() => changed("Saved.")}
        />
      )}
      {asked === "rotate" && (
        <Confirm title="Rotate the secret?" action={rotate} verb="Rotate" onClose={close}>
          <p>For 24 hours every request carries both signatures, so that the receiver can follow in its own time.</p>
        </Confirm>
      )}
      {asked === "delete" && (
        <Confirm title="Delete the webhook?" action={remove} verb="Delete" danger onClose={close}>
          <p>Nothing more is sent to it, and its deliveries go with it.</p>
        </Confirm>
      )}
      {secret !== undefined && (
        <Dialog title="The new secret" onClose={() => setSecret(undefined)}>
          <Secret text={secret} what="signing secret" />
        </Dialog>
      )}
    </>
  );
}
