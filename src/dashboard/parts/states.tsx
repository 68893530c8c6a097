// What stands in the place of content that is not there: it is on its way, did not come, or there is none.
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/wire.ts";
import type { Loaded } from "../loading.ts";
import { Icon } from "./icon.tsx";

export function Loading({ what, rows = 3 }: { what: string; rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">Loading {what}…</span>
      {Array.from({ length: rows }, (_, index) => (
        <span class="bone" key={index} />
      ))}
    </div>
  );
}

/** `again`: what a button tries once more; without it there is no button. */
export function Failure({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{problem.title}</strong>
        <p>{problem.detail}</p>
        {problem.errors && problem.errors.length > 0 && (
          <ul>
            {problem.errors.map((fault) => (
              <li key={`${fault.pointer}${fault.parameter}${fault.code}`}>
                <code>{fault.pointer || fault.parameter || fault.header}</code> {fault.message}
              </li>
            ))}
          </ul>
        )}
      </div>
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

/** What was loaded, or what stands in its place. What is there already stays, with the failure of its renewal above it. */
export function Loadable<Data>(props: { loaded: Loaded<Data>; what: string; rows?: number; children: (data: Data) => ComponentChildren }) {
  const { data, problem, busy, reload } = props.loaded;
  return (
    <>
      {problem && <Failure problem={problem} again={reload} />}
      {data === undefined ? busy && !problem && <Loading what={props.what} rows={props.rows ?? 3} /> : props.children(data)}
    </>
  );
}
