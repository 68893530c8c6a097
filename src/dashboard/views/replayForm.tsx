// Sending all events since a time to a webhook again.
import { useState } from "preact/hooks";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Choice } from "../parts/fields.tsx";
import { Failure } from "../parts/states.tsx";
import { useSession } from "../session.ts";

const spans = [
  ["1", "the last hour"],
  ["24", "the last day"],
  ["168", "the last 7 days"],
] as const;

export function ReplayForm({ path, onDone, onClose }: { path: string; onDone: () => void; onClose: () => void }) {
  const { client } = useSession();
  const [hours, setHours] = useState<(typeof spans)[number][0]>("1");
  const replay = useAction(
    () => client.ask("POST", `${path}/replay`, { body: { since: new Date(Date.now() - Number(hours) * 3_600_000).toISOString() } }),
    onDone,
  );
  return (
    <Dialog title="Send past events again" onClose={onClose}>
      <div class="dialog-text">
        <p>Every event that the webhook subscribes to and that is still kept, whatever became of it before, with the same webhook-id.</p>
        <Choice label="Those of" value={hours} choices={spans} onValue={setHours} />
      </div>
      {replay.problem && <Failure problem={replay.problem} />}
      <footer>
        <button type="button" onClick={onClose}>
          Back
        </button>
        <ActionButton action={replay} kind="primary">
          Replay
        </ActionButton>
      </footer>
    </Dialog>
  );
}
