// Adding suppressions: one address, or a file of them.
import { useState } from "preact/hooks";
import type { Suppression, SuppressionImport, SuppressionReason } from "../api/wire.ts";
import { formatNumber } from "../format.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Choice, Field, faultAt, TextField } from "../parts/fields.tsx";
import { useNotice } from "../parts/notices.tsx";
import { Failure } from "../parts/states.tsx";
import { useSession } from "../session.ts";

export const reasons = ["manual", "bounce", "unsubscribe", "complaint"] as const satisfies readonly SuppressionReason[];

type FormProps = { onClose: () => void; onDone: () => void };

export function AddSuppression({ onClose, onDone }: FormProps) {
  const { client } = useSession();
  const say = useNotice();
  const [address, setAddress] = useState("");
  const [reason, setReason] = useState<SuppressionReason>("manual");
  const [list, setList] = useState("");
  const add = useAction(
    () =>
      client.ask<Suppression>("POST", "suppressions", {
        body: { address: address.trim(), reason, ...(list.trim() && { list: list.trim() }) },
      }),
    (added) => {
      onClose();
      say(`${added.address} is suppressed.`);
      onDone();
    },
  );
  return (
    <Dialog title="Suppress an address" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add.run();
        }}
      >
        <div class="dialog-text">
          <TextField
            label="Address"
            required
            spellcheck={false}
            placeholder="ada@example.net"
            value={address}
            onValue={setAddress}
            fault={faultAt(add.problem, "/address")}
          />
          <Choice label="Reason" value={reason} choices={reasons.map((it) => [it, it] as const)} onValue={setReason} />
          <TextField
            label="Of one list only"
            hint="Empty: of all mail"
            value={list}
            onValue={setList}
            fault={faultAt(add.problem, "/list")}
          />
        </div>
        {add.problem && <Failure problem={add.problem} />}
        <footer>
          <button type="button" onClick={onClose}>
            Back
          </button>
          <ActionButton action={add} kind="primary" submit>
            Suppress
          </ActionButton>
        </footer>
      </form>
    </Dialog>
  );
}

/** So many faulty rows are shown. */
const errorsShown = 20;

export function ImportSuppressions({ onClose, onDone }: FormProps) {
  const { client } = useSession();
  const [file, setFile] = useState<File>();
  const [result, setResult] = useState<SuppressionImport>();
  const bring = useAction(
    async () => {
      const body = file ?? new Blob();
      return client.ask<SuppressionImport>("POST", "suppressions/import", { file: body, headers: { "content-type": "text/csv" } });
    },
    (imported) => {
      setResult(imported);
      onDone();
    },
  );
  return (
    <Dialog title="Import suppressions" onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          bring.run();
        }}
      >
        <div class="dialog-text">
          <Field
            label="CSV file"
            hint="The first row names the columns: address (or email), and as you like list, reason, category, created_at, expires_at. Imported twice, a file changes nothing more."
          >
            {(ids) => (
              <input
                {...ids}
                type="file"
                accept=".csv,text/csv"
                required
                onChange={(event) => {
                  setFile(event.currentTarget.files?.[0]);
                  setResult(undefined);
                }}
              />
            )}
          </Field>
          {result && <Imported result={result} />}
        </div>
        {bring.problem && <Failure problem={bring.problem} />}
        <footer>
          <button type="button" onClick={onClose}>
            {result ? "Done" : "Back"}
          </button>
          <ActionButton action={bring} kind="primary" submit disabled={!file || result !== undefined}>
            Import
          </ActionButton>
        </footer>
      </form>
    </Dialog>
  );
}

function Imported({ result: { added, strengthened, unchanged, failed, complete, errors } }: { result: SuppressionImport }) {
  return (
    <div role="status">
      <p>
        <strong>{formatNumber(added)} added</strong>, {formatNumber(strengthened)} strengthened, {formatNumber(unchanged)} known already,{" "}
        {formatNumber(failed)} faulty.
      </p>
      {!complete && <p>The rows behind the last error could not be told apart, and were not read.</p>}
      {errors.length > 0 && (
        <ul class="import-errors">
          {errors.slice(0, errorsShown).map(({ line, column, message }) => (
            <li key={`${line} ${column}`}>
              Line {line}
              {column && `, ${column}`}: {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
