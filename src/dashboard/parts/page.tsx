// A view's frame: its heading, which gets the focus when the user comes here, what may be done, and panels.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Listed } from "../loading.ts";
import { Icon } from "./icon.tsx";
import { Loadable } from "./states.tsx";

type PageProps = { title: string; back?: readonly [link: string, words: string]; actions?: ComponentChildren; children: ComponentChildren };

export function Page({ title, back, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  useEffect(() => {
    document.title = `${title} · Postern`;
  }, [title]);
  return (
    <>
      <header class="page-header">
        <div>
          {back && (
            <a class="back" href={back[0]}>
              <Icon name="back" />
              {back[1]}
            </a>
          )}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Panel({ title, actions, children }: { title: string; actions?: ComponentChildren; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

type ListProps<Item> = {
  list: Listed<Item>;
  /** What they are, in the plural. */
  what: string;
  /** In place of a list of nothing. */
  empty: ComponentChildren;
  children: (items: Item[]) => ComponentChildren;
};

/** A list with a button for its next page. */
export function List<Item>({ list, what, empty, children }: ListProps<Item>) {
  return (
    <Loadable loaded={list} what={what} rows={6}>
      {(items) => (
        <>
          {items.length > 0 ? children(items) : empty}
          {list.hasMore && (
            <button type="button" class="more" onClick={list.more} disabled={list.busy} aria-busy={list.busy}>
              {items.length > 0 ? `More ${what}` : "Look further back"}
            </button>
          )}
        </>
      )}
    </Loadable>
  );
}
