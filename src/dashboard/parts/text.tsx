// Text that is looked at or taken away: blocks of it, and a button that copies.
import { useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => undefined,
    );
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <button type="button" class="plain copy" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={() => void copy()}>
      <Icon name="copy" />
      <span role="status">{copied && "Copied"}</span>
    </button>
  );
}

/** A long text that scrolls by itself, also by the keyboard. */
export function TextBlock({ text, label }: { text: string; label: string }) {
  return (
    <section aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard (WCAG 2.1.1). */}
      <pre class="text-block" tabIndex={0}>
        {text}
      </pre>
    </section>
  );
}

/** A secret that is shown this once. */
export function Secret({ text, what }: { text: string; what: string }) {
  return (
    <div class="secret">
      <p>Copy the {what} now: it is shown this once and not kept in readable form.</p>
      <div class="secret-line">
        <code>{text}</code>
        <CopyButton text={text} what={what} />
      </div>
    </div>
  );
}
