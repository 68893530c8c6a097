// A form that sends a message, to see the whole way of it.
import { useRef, useState } from "preact/hooks";
import type { Message } from "../api/wire.ts";
import { installation } from "../installation.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Field, faultAt, TextField } from "../parts/fields.tsx";
import { useNotice } from "../parts/notices.tsx";
import { Page } from "../parts/page.tsx";
import { Failure } from "../parts/states.tsx";
import { goTo, linkTo } from "../routing.ts";
import { useSession } from "../session.ts";

/** What the capture relay plays at, by address. */
const sandboxAddresses = [
  ["delivered", "is taken"],
  ["hardbounce", "does not exist"],
  ["softbounce", "is taken at the third try"],
  ["mailboxfull", "is full until the message expires"],
  ["slow", "takes its time"],
  ["drop", "the connection is cut after the final dot"],
  ["latebounce", "is taken, and comes back"],
  ["complaint", "is taken, and complained about"],
] as const;

const exampleHtml = "<h1>It works</h1>\n<p>This message came through <b>Postern</b>.</p>";

export function SendTest() {
  const { client, key, may } = useSession();
  const say = useNotice();
  const domain = key.domains?.find((it) => !it.startsWith("*")) ?? (installation.isSandbox ? "sandbox.test" : "");
  const [fields, setFields] = useState({
    from: domain ? `hello@${domain}` : "",
    to: installation.isSandbox ? "delivered@sandbox.test" : "",
    subject: "A test from the dashboard",
    text: "It works. This message came through Postern.",
    html: exampleHtml,
    tags: "test",
  });
  const set = (name: keyof typeof fields) => (value: string) => setFields((before) => ({ ...before, [name]: value }));
  // The same request again, after an answer that did not come, is the same message.
  const attempt = useRef({ of: "", key: "" });
  const send = useAction(
    () => {
      const body = requestOf(fields);
      const of = JSON.stringify(body);
      if (attempt.current.of !== of) attempt.current = { of, key: crypto.randomUUID() };
      return client.ask<Message>("POST", "messages", { body, headers: { "idempotency-key": attempt.current.key } });
    },
    (message) => {
      say("Accepted.");
      goTo(may("read") ? linkTo(["messages", message.id]) : linkTo(["send"]));
      attempt.current = { of: "", key: "" };
    },
  );
  const at = (pointer: string) => faultAt(send.problem, pointer);
  return (
    <Page title="Send a test">
      <form
        class="panel compose"
        onSubmit={(event) => {
          event.preventDefault();
          send.run();
        }}
      >
        <div class="two">
          <TextField label="From" required spellcheck={false} value={fields.from} onValue={set("from")} fault={at("/from")} />
          <TextField
            label="To"
            required
            spellcheck={false}
            hint="Separated by commas"
            value={fields.to}
            onValue={set("to")}
            fault={at("/to")}
          />
        </div>
        {installation.isSandbox && <SandboxAddresses onChosen={set("to")} />}
        <div class="two">
          <TextField label="Subject" value={fields.subject} onValue={set("subject")} fault={at("/subject")} />
          <TextField label="Tags" spellcheck={false} value={fields.tags} onValue={set("tags")} fault={at("/tags")} />
        </div>
        <div class="two">
          <Area label="Text" value={fields.text} onValue={set("text")} fault={at("/text")} />
          <Area label="HTML" value={fields.html} onValue={set("html")} fault={at("/html")} />
        </div>
        {send.problem && <Failure problem={send.problem} />}
        <footer>
          <ActionButton action={send} kind="primary" submit>
            Send
          </ActionButton>
        </footer>
      </form>
    </Page>
  );
}

function SandboxAddresses({ onChosen }: { onChosen: (address: string) => void }) {
  return (
    <fieldset class="suggestions">
      <legend>The sandbox plays at</legend>
      {sandboxAddresses.map(([name, meaning]) => (
        <button type="button" key={name} title={`${name}@sandbox.test ${meaning}`} onClick={() => onChosen(`${name}@sandbox.test`)}>
          {name}
        </button>
      ))}
    </fieldset>
  );
}

type AreaProps = { label: string; value: string; onValue: (value: string) => void; fault: string | undefined };

function Area({ label, value, onValue, fault }: AreaProps) {
  return (
    <Field label={label} fault={fault}>
      {(ids) => <textarea {...ids} rows={8} spellcheck={false} value={value} onInput={(event) => onValue(event.currentTarget.value)} />}
    </Field>
  );
}

/** What is empty is left out. */
function requestOf({ from, to, subject, text, html, tags }: Record<"from" | "to" | "subject" | "text" | "html" | "tags", string>) {
  const listed = (value: string) =>
    value
      .split(/[,;]/)
      .map((it) => it.trim())
      .filter(Boolean);
  return {
    ...{ from, to: listed(to), subject },
    ...(text && { text }),
    ...(html && { html }),
    ...(listed(tags).length > 0 && { tags: listed(tags) }),
  };
}
