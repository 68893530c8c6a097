// One captured mail, as its recipient would see it.
import { useMemo } from "preact/hooks";
import type { CapturedWhole } from "../api/wire.ts";
import { useLoaded } from "../loading.ts";
import { Page } from "../parts/page.tsx";
import { Loadable } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { linkTo } from "../routing.ts";
import { useSession } from "../session.ts";
import { MailContent } from "./mailContent.tsx";

export function CapturedMail({ id }: { id: string }) {
  const { client } = useSession();
  const loaded = useLoaded<CapturedWhole>((signal) => client.get(`captured/${encodeURIComponent(id)}`, {}, signal), [id]);
  return (
    <Page title={loaded.data ? loaded.data.subject || "(no subject)" : "Captured mail"} back={[linkTo(["captured"]), "Captured mail"]}>
      <Loadable loaded={loaded} what="the mail" rows={8}>
        {(mail) => (
          <>
            <div class="summary">
              <span>
                <span class="muted">from</span> <span class="address">{mail.from || "(no sender)"}</span>
              </span>
              <span>
                <span class="muted">to</span> <span class="address">{mail.envelope.to.join(", ")}</span>
              </span>
              <span>
                <span class="muted">received</span> <Time at={mail.received_at} />
              </span>
            </div>
            <Content mail={mail} />
          </>
        )}
      </Loadable>
    </Page>
  );
}

function Content({ mail: { id, raw } }: { mail: CapturedWhole }) {
  const bytes = useMemo(() => Uint8Array.from(atob(raw), (character) => character.charCodeAt(0)), [raw]);
  return <MailContent bytes={bytes} name={id} />;
}
