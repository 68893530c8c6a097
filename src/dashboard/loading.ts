// Asking for what a view shows: once, page by page, and again when something happened.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Answer, Query } from "./api/client.ts";
import { followEvents, type StreamState } from "./api/eventStream.ts";
import type { Event, Page, Problem } from "./api/wire.ts";
import { useSession } from "./session.ts";

/** `data` stays while it is asked for again, and when that fails. */
export type Loaded<Data> = { data: Data | undefined; problem: Problem | undefined; busy: boolean; reload(): void };

/** Asks, and again whenever one of `inputs` changes: what was there before is gone then. */
export function useLoaded<Data>(ask: (signal: AbortSignal) => Promise<Answer<Data>>, inputs: readonly unknown[]): Loaded<Data> {
  const identity = JSON.stringify(inputs);
  const [round, setRound] = useState(0);
  const [state, setState] = useState<{ of: string; data?: Data | undefined; problem?: Problem | undefined; busy: boolean }>({
    of: "",
    busy: true,
  });
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    const abort = new AbortController();
    setState((before) => ({ of: identity, ...(before.of === identity && { data: before.data }), busy: true }));
    latest.current(abort.signal).then(
      (answer) => {
        if (abort.signal.aborted) return;
        setState((before) =>
          answer.ok
            ? { of: identity, data: answer.data, busy: false }
            : { of: identity, data: before.data, problem: answer.problem, busy: false },
        );
      },
      () => undefined,
    );
    return () => abort.abort();
  }, [identity, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const isCurrent = state.of === identity;
  return {
    data: isCurrent ? state.data : undefined,
    problem: isCurrent ? state.problem : undefined,
    busy: !isCurrent || state.busy,
    reload,
  };
}

export type Listed<Item> = Loaded<Item[]> & {
  hasMore: boolean;
  /** Pages behind the first one are there: a reload would take them away. */
  grown: boolean;
  more(): void;
};

/** A page of a filtered list may be empty and have a next one: so many are looked at before the user is asked. */
const emptyPagesMax = 5;
const pageSize = 50;

/** A list, page by page: `more` adds the next one. */
export function useList<Item>(path: string, query: Query = {}): Listed<Item> {
  const { client } = useSession();
  const [rest, setRest] = useState<{ of: string; items: Item[]; cursor: string | null; busy: boolean; problem?: Problem | undefined }>();
  const identity = JSON.stringify([path, query]);
  const ask = async (after: string | undefined, signal?: AbortSignal): Promise<Answer<Page<Item>>> => {
    for (let tries = 1, cursor = after; ; tries++) {
      const answer = await client.get<Page<Item>>(path, { limit: pageSize, ...query, after: cursor }, signal);
      if (!answer.ok || answer.data.data.length > 0 || !answer.data.next_cursor || tries === emptyPagesMax) return answer;
      cursor = answer.data.next_cursor;
    }
  };
  const first = useLoaded((signal) => ask(undefined, signal), [path, query]);
  const mine = rest?.of === identity ? rest : undefined;
  const cursor = mine ? mine.cursor : (first.data?.next_cursor ?? null);
  const more = async () => {
    if (!cursor || mine?.busy) return;
    const before = { of: identity, items: mine?.items ?? [], cursor };
    setRest({ ...before, busy: true });
    const answer = await ask(cursor);
    setRest((present) => {
      if (present?.of !== identity) return present;
      if (!answer.ok) return { ...before, busy: false, problem: answer.problem };
      return { of: identity, items: [...before.items, ...answer.data.data], cursor: answer.data.next_cursor, busy: false };
    });
  };
  return {
    data: first.data && [...first.data.data, ...(mine?.items ?? [])],
    problem: first.problem ?? mine?.problem,
    busy: first.busy || mine?.busy === true,
    hasMore: cursor !== null,
    grown: (mine?.items.length ?? 0) > 0,
    more: () => void more(),
    reload: () => {
      setRest(undefined);
      first.reload();
    },
  };
}

/** Whether the page is looked at. */
export function useVisible(): boolean {
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const follow = () => setVisible(!document.hidden);
    document.addEventListener("visibilitychange", follow);
    return () => document.removeEventListener("visibilitychange", follow);
  }, []);
  return visible;
}

/** Loads again when the user comes back to the page. */
export function useReloadOnReturn(reload: () => void): void {
  const visible = useVisible();
  const seen = useRef(visible);
  useEffect(() => {
    if (visible && !seen.current) reload();
    seen.current = visible;
  }, [visible, reload]);
}

const batchMs = 250;

/**
 * Follows the event log while the page is looked at, and hands over what came in batches.
 * @param after where to begin; undefined: not yet
 */
export function useEvents(after: string | undefined | "now", onEvents: (events: Event[]) => void, types?: readonly string[]): StreamState {
  const { client } = useSession();
  const [state, setState] = useState<StreamState>("connecting");
  const visible = useVisible();
  const latest = useRef(onEvents);
  latest.current = onEvents;
  const wanted = types?.join(",");
  useEffect(() => {
    if (after === undefined || !visible) return;
    const abort = new AbortController();
    let batch: Event[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const events = batch;
      batch = [];
      if (!abort.signal.aborted) latest.current(events);
    };
    void followEvents(
      client,
      { signal: abort.signal, after: after === "now" ? undefined : after, ...(wanted && { types: wanted.split(",") }) },
      {
        onState: setState,
        onEvent: (event) => {
          batch.push(event);
          timer ??= setTimeout(flush, batchMs);
        },
      },
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [client, after, visible, wanted]);
  return state;
}
