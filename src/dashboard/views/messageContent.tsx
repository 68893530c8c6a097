// A message's content while it is kept.

import type { Message } from "../api/wire.ts";
import { useLoaded } from "../loading.ts";
import { Empty, Loadable } from "../parts/states.tsx";
import { useSession } from "../session.ts";
import { MailContent } from "./mailContent.tsx";

export function MessageContent({ message: { id } }: { message: Message }) {
  const { client } = useSession();
  const loaded = useLoaded((signal) => client.bytes(`messages/${encodeURIComponent(id)}/content`, signal), [id]);
  if (loaded.problem?.code === "content_gone") {
    return (
      <Empty title="The content is no longer kept">
        It goes once every recipient is settled; <code>CONTENT_RETENTION</code> keeps it longer.
      </Empty>
    );
  }
  return (
    <Loadable loaded={loaded} what="the content" rows={8}>
      {(bytes) => <MailContent bytes={bytes} name={id} />}
    </Loadable>
  );
}
