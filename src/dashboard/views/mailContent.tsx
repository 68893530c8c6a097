// A mail's content: as its reader sees it, its text, its header, its source, and what is attached.
import { useEffect, useState } from "preact/hooks";
import { formatSize } from "../format.ts";
import { installation } from "../installation.ts";
import type { Attachment, Mail } from "../mail/parse.ts";
import { previewDocument } from "../mail/previewDocument.ts";
import { Switch } from "../parts/fields.tsx";
import { Panel } from "../parts/page.tsx";
import { Empty, Loading } from "../parts/states.tsx";
import { TextBlock } from "../parts/text.tsx";

type Look = "html" | "text" | "headers" | "source";

const looks: readonly (readonly [Look, string])[] = [
  ["html", "Preview"],
  ["text", "Text"],
  ["headers", "Headers"],
  ["source", "Source"],
];

/** `name`: what its file is called when it is saved. */
export function MailContent({ bytes, name }: { bytes: Uint8Array; name: string }) {
  const [mail, setMail] = useState<Mail>();
  const [chosen, setChosen] = useState<Look>();
  useEffect(() => {
    let current = true;
    void import("../mail/parse.ts").then(({ parseMail }) => parseMail(bytes)).then((parsed) => current && setMail(parsed));
    return () => {
      current = false;
    };
  }, [bytes]);
  if (!mail) return <Loading what="the content" rows={8} />;
  const look = chosen ?? (mail.html === undefined ? "text" : "html");
  return (
    <Panel
      title="Content"
      actions={
        <div class="panel-actions">
          <Switch label="How to show it" value={look} choices={looks} onValue={setChosen} />
          <Download bytes={bytes} type="message/rfc822" name={`${name}.eml`} words="Save .eml" />
        </div>
      }
    >
      {look === "html" &&
        (mail.html === undefined ? (
          <Empty title="There is no HTML in this mail">It is text alone.</Empty>
        ) : (
          <Preview html={mail.html} attachments={mail.attachments} />
        ))}
      {look === "text" &&
        (mail.text === undefined ? (
          <Empty title="There is no text in this mail">A reader that shows no HTML shows nothing of it.</Empty>
        ) : (
          <TextBlock text={mail.text} label="Text of the mail" />
        ))}
      {look === "headers" && <Headers headers={mail.headers} />}
      {look === "source" && <TextBlock text={mail.source} label="Source of the mail" />}
      <Attachments attachments={mail.attachments} />
    </Panel>
  );
}

function Preview({ html, attachments }: { html: string; attachments: readonly Attachment[] }) {
  const [blocked, setBlocked] = useState(0);
  const show = (outer: HTMLIFrameElement) => {
    const shell = outer.contentWindow as (Window & typeof globalThis) | null;
    if (!shell) return;
    const preview = previewDocument(new shell.DOMParser(), html, attachments);
    const inner = shell.document.createElement("iframe");
    // No permission at all: no scripts, an origin of its own, no forms, no windows, and it leads the page nowhere.
    inner.setAttribute("sandbox", "");
    inner.title = "Preview of the mail";
    inner.srcdoc = preview.document;
    shell.document.body.replaceChildren(inner);
    setBlocked(preview.blocked);
  };
  return (
    <>
      {blocked > 0 && (
        <p class="note">
          {blocked === 1 ? "One image" : `${blocked} images`} of other hosts not loaded: nobody learns that the mail was looked at here.
        </p>
      )}
      <iframe class="preview" key={html} src={installation.previewFrame} title="Preview" onLoad={(event) => show(event.currentTarget)} />
    </>
  );
}

function Headers({ headers }: { headers: Mail["headers"] }) {
  return (
    <div class="scroll">
      <table class="headers">
        <caption class="visually-hidden">Header fields in their order</caption>
        <tbody>
          {headers.map(({ name, value }, index) => (
            <tr key={`${index} ${name}`}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Attachments({ attachments }: { attachments: readonly Attachment[] }) {
  if (attachments.length === 0) return null;
  return (
    <>
      <h3>Attachments</h3>
      <ul class="attachments">
        {attachments.map(({ name, type, bytes }, index) => (
          <li key={`${index} ${name}`}>
            <Download
              bytes={bytes}
              type="application/octet-stream"
              name={name || `attachment-${index + 1}`}
              words={name || "Without a name"}
            />
            <span class="muted">
              {type}, {formatSize(bytes.length)}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Saves bytes as a file. The type is one that no browser opens by itself. */
function Download({ bytes, type, name, words }: { bytes: Uint8Array; type: string; name: string; words: string }) {
  const save = () => {
    const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <button type="button" onClick={save}>
      {words}
    </button>
  );
}
