// Parts of forms: each with its label, its hint and its fault tied to it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Problem } from "../api/wire.ts";

/** What the API says about one member of the body. */
export function faultAt(problem: Problem | undefined, pointer: string): string | undefined {
  return problem?.errors?.find((fault) => fault.pointer === pointer || fault.pointer?.startsWith(`${pointer}/`))?.message;
}

type FieldProps = {
  label: string;
  hint?: string | undefined;
  fault?: string | undefined;
  children: (ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => ComponentChildren;
};

export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const says = `${id}-says`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...((hint || fault) && { "aria-describedby": says }), ...(fault && { "aria-invalid": true }) })}
      {(fault || hint) && (
        <span id={says} class={fault ? "fault" : "hint"}>
          {fault ?? hint}
        </span>
      )}
    </div>
  );
}

type TextProps = Omit<FieldProps, "children"> & {
  value: string;
  onValue: (value: string) => void;
  type?: "text" | "email" | "url" | "datetime-local";
  placeholder?: string;
  required?: boolean;
  spellcheck?: boolean;
};

export function TextField({ label, hint, fault, value, onValue, type = "text", ...rest }: TextProps) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {/* Which attributes go with which type is known to the types; these go with all of them. */}
      {(ids) => (
        <input
          {...({ type } as { type: "text" })}
          {...rest}
          {...ids}
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

type ChoiceProps<Value extends string> = {
  label: string;
  value: Value;
  choices: readonly (readonly [value: Value, words: string])[];
  onValue: (value: Value) => void;
};

export function Choice<Value extends string>({ label, value, choices, onValue }: ChoiceProps<Value>) {
  return (
    <Field label={label}>
      {(ids) => (
        <select {...ids} value={value} onChange={(event) => onValue(event.currentTarget.value as Value)}>
          {choices.map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

type ChecksProps<Value extends string> = {
  legend: string;
  chosen: readonly Value[];
  choices: readonly { value: Value; words: string; hint?: string; disabled?: boolean }[];
  onChosen: (chosen: Value[]) => void;
  fault?: string | undefined;
};

export function Checks<Value extends string>({ legend, chosen, choices, onChosen, fault }: ChecksProps<Value>) {
  return (
    <fieldset class="checks">
      <legend>{legend}</legend>
      {choices.map(({ value, words, hint, disabled = false }) => (
        <label key={value}>
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            disabled={disabled}
            onChange={(event) => onChosen(event.currentTarget.checked ? [...chosen, value] : chosen.filter((it) => it !== value))}
          />
          <span>
            {words} {hint && <span class="hint">{hint}</span>}
          </span>
        </label>
      ))}
      {fault && <span class="fault">{fault}</span>}
    </fieldset>
  );
}

/** A few choices side by side, of which one is in force. */
export function Switch<Value extends string>(props: {
  label: string;
  value: Value;
  choices: readonly (readonly [value: Value, words: string])[];
  onValue: (value: Value) => void;
}) {
  return (
    <fieldset class="switch">
      <legend class="visually-hidden">{props.label}</legend>
      {props.choices.map(([value, words]) => (
        <button type="button" key={value} aria-pressed={value === props.value} onClick={() => props.onValue(value)}>
          {words}
        </button>
      ))}
    </fieldset>
  );
}
