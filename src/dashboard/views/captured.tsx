// The sandbox's mailbox: what the capture relay took, whoever sent it.
import { useEffect } from "preact/hooks";
import type { Captured } from "../api/wire.ts";
import { formatSize } from "../format.ts";
import { useList, useVisible } from "../loading.ts";
import { List, Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { linkTo } from "../routing.ts";

/** The mailbox has no events of its own. */
const lookEveryMs = 3_000;

export function CapturedMailbox() {
  const list = useList<Captured>("captured");
  const visible = useVisible();
  const { grown, reload } = list;
  useEffect(() => {
    if (grown || !visible) return;
    const timer = setInterval(reload, lookEveryMs);
    return () => clearInterval(timer);
  }, [grown, visible, reload]);
  return (
    <Page title="Captured mail">
      <List
        list={list}
        what="mail"
        empty={
          <Empty title="Nothing captured yet">
            <a href={linkTo(["send"])}>Send a test</a>: in the sandbox all mail ends here.
          </Empty>
        }
      >
        {(mails) => (
          <table class="rows">
            <caption class="visually-hidden">Captured mail, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Subject</th>
                <th scope="col">To</th>
                <th scope="col">Size</th>
                <th scope="col">Received</th>
              </tr>
            </thead>
            <tbody>
              {mails.map(({ id, from, subject, envelope, size, received_at }) => (
                <tr key={id}>
                  <td class="main-cell">
                    <a href={linkTo(["captured", id])}>{subject || "(no subject)"}</a>
                    <span class="muted">{from || "(no sender)"}</span>
                  </td>
                  <td class="address">{envelope.to.join(", ")}</td>
                  <td class="number">{formatSize(size)}</td>
                  <td>
                    <Time at={received_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </List>
    </Page>
  );
}
