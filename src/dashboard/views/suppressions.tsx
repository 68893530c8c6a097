// The addresses that are not sent to: found, added, lifted, and brought in from a file.
import { useState } from "preact/hooks";
import type { Suppression, SuppressionReason } from "../api/wire.ts";
import { inWords } from "../format.ts";
import { useList } from "../loading.ts";
import { useAction } from "../parts/action.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Choice, TextField } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { useNotice } from "../parts/notices.tsx";
import { List, Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { linkTo } from "../routing.ts";
import { useSession } from "../session.ts";
import { AddSuppression, ImportSuppressions, reasons } from "./suppressionForms.tsx";

export function Suppressions() {
  const [wanted, setWanted] = useState("");
  const [address, setAddress] = useState("");
  const [reason, setReason] = useState<SuppressionReason | "">("");
  const [asked, setAsked] = useState<"add" | "import">();
  const list = useList<Suppression>("suppressions", { address, reason });
  const close = () => setAsked(undefined);
  return (
    <Page
      title="Suppressions"
      actions={
        <>
          <button type="button" onClick={() => setAsked("import")}>
            Import…
          </button>
          <button type="button" class="primary" onClick={() => setAsked("add")}>
            <Icon name="plus" /> Suppress an address
          </button>
        </>
      }
    >
      <search>
        <form
          class="filter"
          onSubmit={(event) => {
            event.preventDefault();
            setAddress(wanted.trim());
          }}
        >
          <TextField label="Address begins with" value={wanted} onValue={setWanted} spellcheck={false} />
          <Choice
            label="Reason"
            value={reason}
            choices={[["", "Any reason"], ...reasons.map((it) => [it, it] as const)]}
            onValue={setReason}
          />
          <div class="filter-actions">
            <button type="submit">Find</button>
          </div>
        </form>
      </search>
      <List
        list={list}
        what="suppressions"
        empty={
          address || reason ? (
            <Empty title="No suppression like that" />
          ) : (
            <Empty title="Nobody is suppressed">Addresses that do not exist, and people who complain, come here by themselves.</Empty>
          )
        }
      >
        {(suppressions) => <SuppressionTable suppressions={suppressions} onChanged={list.reload} />}
      </List>
      {asked === "add" && <AddSuppression onClose={close} onDone={list.reload} />}
      {asked === "import" && <ImportSuppressions onClose={close} onDone={list.reload} />}
    </Page>
  );
}

function SuppressionTable({ suppressions, onChanged }: { suppressions: readonly Suppression[]; onChanged: () => void }) {
  const [lifting, setLifting] = useState<Suppression>();
  return (
    <>
      <table class="rows">
        <caption class="visually-hidden">Suppressions</caption>
        <thead>
          <tr>
            <th scope="col">Address</th>
            <th scope="col">Reason</th>
            <th scope="col">Of</th>
            <th scope="col">Since</th>
            <th scope="col">Until</th>
            <th scope="col">
              <span class="visually-hidden">What may be done</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {suppressions.map((suppression) => (
            <tr key={`${suppression.address} ${suppression.list}`}>
              <td class="main-cell address">{suppression.address}</td>
              <td>
                {suppression.reason}
                {suppression.category && <span class="muted"> {inWords(suppression.category)}</span>}
                {suppression.message_id && (
                  <>
                    {" "}
                    <a href={linkTo(["messages", suppression.message_id])}>message</a>
                  </>
                )}
              </td>
              <td>{suppression.list ?? "all mail"}</td>
              <td>
                <Time at={suppression.created_at} />
              </td>
              <td>{suppression.expires_at ? <Time at={suppression.expires_at} /> : "for good"}</td>
              <td class="row-actions">
                <button type="button" onClick={() => setLifting(suppression)}>
                  <span>
                    Lift<span class="visually-hidden"> the suppression of {suppression.address}</span>
                  </span>
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {lifting && <Lift suppression={lifting} onClose={() => setLifting(undefined)} onDone={onChanged} />}
    </>
  );
}

function Lift({
  suppression: { address, list, reason },
  onClose,
  onDone,
}: {
  suppression: Suppression;
  onClose: () => void;
  onDone: () => void;
}) {
  const { client } = useSession();
  const say = useNotice();
  const lift = useAction(
    () => client.ask("DELETE", `suppressions/${encodeURIComponent(address)}`, { query: { list: list ?? undefined } }),
    () => {
      onClose();
      say(`${address} may be sent to again.`);
      onDone();
    },
  );
  return (
    <Confirm title="Lift the suppression?" action={lift} verb="Lift" onClose={onClose}>
      <p>
        <strong class="address">{address}</strong> may be sent to again{list ? `, for the list ${list}` : ""}.
      </p>
      {reason === "complaint" && <p>It complained about mail: be sure that it wants to hear from you.</p>}
    </Confirm>
  );
}
