// A webhook's URL, what it subscribes to, and what it is for: to add one or to change it.
import { useState } from "preact/hooks";
import type { Answer, Client } from "../api/client.ts";
import type { Webhook } from "../api/wire.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Checks, faultAt, TextField } from "../parts/fields.tsx";
import { Failure } from "../parts/states.tsx";
import { useSession } from "../session.ts";

export const eventTypes = [
  ...["message.accepted", "message.scheduled", "message.rescheduled", "message.retried", "message.sent", "message.deferred"],
  ...["message.delivered", "message.bounced", "message.failed", "message.unknown", "message.complained", "message.suppressed"],
  ...["message.cancelled", "message.unsubscribed", "suppression.added", "suppression.removed", "webhook.disabled"],
] as const;

type FormProps<Result> = {
  title: string;
  verb: string;
  before?: Webhook;
  send: (client: Client, body: unknown) => Promise<Answer<Result>>;
  onDone: (result: Result) => void;
  onClose: () => void;
};

export function WebhookForm<Result>({ title, verb, before, send, onDone, onClose }: FormProps<Result>) {
  const { client } = useSession();
  const [url, setUrl] = useState(before?.url ?? "");
  const [description, setDescription] = useState(before?.description ?? "");
  const [all, setAll] = useState(before ? before.events.includes("*") : true);
  const [chosen, setChosen] = useState<string[]>(before?.events.filter((type) => type !== "*") ?? []);
  const save = useAction(() => send(client, { url: url.trim(), description, events: all ? ["*"] : chosen }), onDone);
  return (
    <Dialog title={title} onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.run();
        }}
      >
        <div class="dialog-text">
          <TextField
            label="URL"
            type="url"
            required
            placeholder="https://app.example.com/postern"
            value={url}
            onValue={setUrl}
            fault={faultAt(save.problem, "/url")}
          />
          <TextField label="What it is for" value={description} onValue={setDescription} fault={faultAt(save.problem, "/description")} />
          <Checks
            legend="Events"
            chosen={all ? ["*"] : []}
            choices={[{ value: "*", words: "All of them" }]}
            onChosen={(it) => setAll(it.length > 0)}
          />
          {!all && (
            <Checks
              legend="Only these"
              chosen={chosen}
              choices={eventTypes.map((type) => ({ value: type as string, words: type }))}
              onChosen={setChosen}
              fault={faultAt(save.problem, "/events")}
            />
          )}
        </div>
        {save.problem && <Failure problem={save.problem} />}
        <footer>
          <button type="button" onClick={onClose}>
            Back
          </button>
          <ActionButton action={save} kind="primary" submit disabled={!all && chosen.length === 0}>
            {verb}
          </ActionButton>
        </footer>
      </form>
    </Dialog>
  );
}
