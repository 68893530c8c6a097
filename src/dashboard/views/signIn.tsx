// The way in: an API key.
import { useState } from "preact/hooks";
import type { Problem } from "../api/wire.ts";
import { ThemeSwitch } from "../frame.tsx";
import { installation } from "../installation.ts";
import { Field } from "../parts/fields.tsx";
import { Logo } from "../parts/icon.tsx";
import { Failure } from "../parts/states.tsx";

/** `problem`: why an earlier session ended. `onKey` resolves with what is wrong with a key. */
export function SignIn({ problem, onKey }: { problem: Problem | undefined; onKey: (key: string) => Promise<Problem | undefined> }) {
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(problem);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const fault = await onKey(key.trim());
    // Where the key is right this is gone by now.
    setRefused(fault);
    setBusy(false);
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={(event) => void submit(event)}>
        <h1>
          <Logo />
          Postern
        </h1>
        <p>Sign in with an API key. It is kept in this tab until you close it.</p>
        <Field
          label="API key"
          hint={installation.isSandbox ? "The sandbox prints one when it starts." : "POSTERN_API_KEY, or make one: postern keys create"}
        >
          {(ids) => (
            <input
              {...ids}
              type="password"
              name="key"
              required
              autocomplete="off"
              spellcheck={false}
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          )}
        </Field>
        {refused && <Failure problem={refused} />}
        <button type="submit" class="primary" disabled={busy} aria-busy={busy}>
          Sign in
        </button>
      </form>
      <ThemeSwitch />
    </main>
  );
}
