// Tabs, with the arrow keys as the ARIA practices have them.
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

type TabsProps<Name extends string> = {
  label: string;
  tabs: readonly (readonly [name: Name, words: string])[];
  open: Name;
  onOpen: (name: Name) => void;
  children: ComponentChildren;
};

export function Tabs<Name extends string>({ label, tabs, open, onOpen, children }: TabsProps<Name>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = (tabs.findIndex(([name]) => name === open) + step + tabs.length) % tabs.length;
    const [name] = tabs[index] ?? [open];
    onOpen(name);
    list.current?.querySelectorAll("button")[index]?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map(([name, words]) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={`${id}-${name}`}
            aria-selected={name === open}
            aria-controls={`${id}-panel`}
            tabIndex={name === open ? 0 : -1}
            onClick={() => onOpen(name)}
          >
            {words}
          </button>
        ))}
      </div>
      <div class="tab-panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${open}`}>
        {children}
      </div>
    </>
  );
}
