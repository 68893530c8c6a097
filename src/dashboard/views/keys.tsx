// The tenant's API keys: what each may do, a new one, and an end to an old one.
import { useState } from "preact/hooks";
import type { Key, NewKey, Scope } from "../api/wire.ts";
import { useList } from "../loading.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Confirm, Dialog } from "../parts/dialog.tsx";
import { Checks, faultAt, TextField } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { useNotice } from "../parts/notices.tsx";
import { List, Page } from "../parts/page.tsx";
import { Empty, Failure } from "../parts/states.tsx";
import { Secret } from "../parts/text.tsx";
import { Time } from "../parts/time.tsx";
import { useSession } from "../session.ts";

const scopes: readonly { value: Scope; hint: string }[] = [
  { value: "send", hint: "accept mail" },
  { value: "read", hint: "see mail and events" },
  { value: "manage", hint: "webhooks, suppressions, keys" },
  { value: "operator", hint: "relays, other tenants" },
];

export function Keys() {
  const list = useList<Key>("keys");
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<NewKey>();
  const [ending, setEnding] = useState<Key>();
  return (
    <Page
      title="Keys"
      actions={
        <button type="button" class="primary" onClick={() => setMaking(true)}>
          <Icon name="plus" /> Make a key
        </button>
      }
    >
      <List
        list={list}
        what="keys"
        empty={<Empty title="No keys but that of the configuration">Give every app a key of its own, with as little as it needs.</Empty>}
      >
        {(keys) => <KeyTable keys={keys} onEnd={setEnding} />}
      </List>
      {making && (
        <MakeKey
          onClose={() => setMaking(false)}
          onMade={(key) => {
            setMaking(false);
            setMade(key);
            list.reload();
          }}
        />
      )}
      {made && (
        <Dialog title={`The key ${made.name}`} onClose={() => setMade(undefined)}>
          <Secret text={made.key} what="key" />
        </Dialog>
      )}
      {ending && <Revoke apiKey={ending} onClose={() => setEnding(undefined)} onDone={list.reload} />}
    </Page>
  );
}

function KeyTable({ keys, onEnd }: { keys: readonly Key[]; onEnd: (key: Key) => void }) {
  const { key: own } = useSession();
  return (
    <table class="rows">
      <caption class="visually-hidden">API keys, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">May</th>
          <th scope="col">Sender domains</th>
          <th scope="col">Made</th>
          <th scope="col">
            <span class="visually-hidden">What may be done</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <td class="main-cell">
              <span>
                {key.name} {key.id === own.id && <span class="tag">yours</span>}
              </span>
              <code class="muted">{key.id}</code>
            </td>
            <td>{key.scopes.join(", ")}</td>
            <td>{key.domains?.join(", ") ?? "any"}</td>
            <td>
              <Time at={key.created_at} />
            </td>
            <td class="row-actions">
              <button type="button" onClick={() => onEnd(key)}>
                <span>
                  Revoke<span class="visually-hidden"> {key.name}</span>
                </span>
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function MakeKey({ onClose, onMade }: { onClose: () => void; onMade: (key: NewKey) => void }) {
  const { client, key: own, may } = useSession();
  const [name, setName] = useState("");
  const [granted, setGranted] = useState<Scope[]>(["send", "read"]);
  const [domains, setDomains] = useState("");
  const listed = domains.split(/[\s,;]+/).filter(Boolean);
  const make = useAction(
    () =>
      client.ask<NewKey>("POST", "keys", {
        body: { name: name.trim(), scopes: granted.filter(may), ...(listed.length > 0 && { domains: listed }) },
      }),
    onMade,
  );
  return (
    <Dialog title="Make a key" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          make.run();
        }}
      >
        <div class="dialog-text">
          <TextField label="Name" required placeholder="shop" value={name} onValue={setName} fault={faultAt(make.problem, "/name")} />
          <Checks
            legend="It may"
            chosen={granted}
            choices={scopes.map(({ value, hint }) => ({ value, words: value, hint, disabled: !may(value) }))}
            onChosen={setGranted}
            fault={faultAt(make.problem, "/scopes")}
          />
          <TextField
            label="Sender domains"
            hint={own.domains ? `Empty: those of your key (${own.domains.join(", ")})` : "Separated by commas; empty: any"}
            spellcheck={false}
            placeholder="example.com, *.example.com"
            value={domains}
            onValue={setDomains}
            fault={faultAt(make.problem, "/domains")}
          />
        </div>
        {make.problem && <Failure problem={make.problem} />}
        <footer>
          <button type="button" onClick={onClose}>
            Back
          </button>
          <ActionButton action={make} kind="primary" submit disabled={!granted.some(may)}>
            Make it
          </ActionButton>
        </footer>
      </form>
    </Dialog>
  );
}

function Revoke({ apiKey: { id, name }, onClose, onDone }: { apiKey: Key; onClose: () => void; onDone: () => void }) {
  const { client, key: own, signOut } = useSession();
  const say = useNotice();
  const revoke = useAction(
    () => client.ask("DELETE", `keys/${encodeURIComponent(id)}`),
    () => {
      onClose();
      say(`The key ${name} is revoked.`);
      if (id === own.id) signOut();
      else onDone();
    },
  );
  return (
    <Confirm title={`Revoke ${name}?`} action={revoke} verb="Revoke" danger onClose={onClose}>
      <p>Whoever uses it is refused from now on. That cannot be taken back.</p>
      {id === own.id && <p>It is the key that you are signed in with: you will be signed out.</p>}
    </Confirm>
  );
}
