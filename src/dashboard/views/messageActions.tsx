// What may be done about a message: cancel what is open, try again what failed, send all of it once more.
import { useState } from "preact/hooks";
import type { Message, RecipientStatus } from "../api/wire.ts";
import { resend } from "../mail/resend.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Confirm, Dialog } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { useNotice } from "../parts/notices.tsx";
import { Failure } from "../parts/states.tsx";
import { goTo, linkTo } from "../routing.ts";
import { useSession } from "../session.ts";

const cancellable: readonly RecipientStatus[] = ["scheduled", "queued", "deferred"];
const retryable: readonly RecipientStatus[] = ["bounced", "failed", "unknown"];

export function MessageActions({ message, onChanged }: { message: Message; onChanged: () => void }) {
  const { client, may } = useSession();
  const say = useNotice();
  const [asking, setAsking] = useState<"cancel" | "resend">();
  const path = `messages/${encodeURIComponent(message.id)}`;
  const close = () => setAsking(undefined);
  const changed = (text: string) => () => {
    close();
    say(text);
    onChanged();
  };
  const cancel = useAction(() => client.ask<Message>("POST", `${path}/cancel`), changed("Cancelled."));
  const retry = useAction(() => client.ask<Message>("POST", `${path}/retry`), changed("Queued again."));
  if (!may("send")) return <span class="muted">This key may look, not send.</span>;
  const has = (among: readonly RecipientStatus[]) => message.recipients.some(({ status }) => among.includes(status));
  return (
    <>
      {has(retryable) && (
        <ActionButton action={retry} kind="primary">
          Retry
        </ActionButton>
      )}
      <button type="button" onClick={() => setAsking("resend")}>
        Resend…
      </button>
      {has(cancellable) && (
        <button type="button" class="danger" onClick={() => setAsking("cancel")}>
          Cancel…
        </button>
      )}
      {retry.problem && <Failure problem={retry.problem} />}
      {asking === "cancel" && (
        <Confirm title="Cancel this message?" action={cancel} verb="Cancel the message" danger onClose={close}>
          <p>Every recipient that is not being sent to at the moment ends as cancelled. That is final.</p>
        </Confirm>
      )}
      {asking === "resend" && (
        <Resend
          message={message}
          onClose={close}
          onSent={(sent) => {
            close();
            say("Sent as a new message.");
            goTo(linkTo(["messages", sent.id]));
          }}
        />
      )}
    </>
  );
}

function Resend({ message, onClose, onSent }: { message: Message; onClose: () => void; onSent: (sent: Message) => void }) {
  const { client } = useSession();
  const [to, setTo] = useState(message.recipients.map(({ address }) => address).join(", "));
  const addresses = to.split(/[\s,;]+/).filter(Boolean);
  const send = useAction(() => resend(client, message, addresses), onSent);
  return (
    <Dialog title="Resend" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.run();
        }}
      >
        <div class="dialog-text">
          <p>The same content, as a new message with an id and a history of its own.</p>
          <TextField label="To" hint="Addresses, separated by commas" value={to} onValue={setTo} required />
        </div>
        {send.problem && <Failure problem={send.problem} />}
        <footer>
          <button type="button" onClick={onClose}>
            Back
          </button>
          <ActionButton action={send} kind="primary" submit disabled={addresses.length === 0}>
            Send
          </ActionButton>
        </footer>
      </form>
    </Dialog>
  );
}
