// Short notices of what was done: seen for a while, and read out by screen readers.

import type { ComponentChildren } from "preact";
import { createContext } from "preact";
import { useCallback, useContext, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

type Notice = { id: number; text: string };

const NoticeContext = createContext<(text: string) => void>(() => undefined);
const shownMs = 6_000;
let newest = 0;

/** Says something to the user. */
export const useNotice = () => useContext(NoticeContext);

export function Notices({ children }: { children: ComponentChildren }) {
  const [notices, setNotices] = useState<Notice[]>([]);
  const drop = useCallback((id: number) => setNotices((before) => before.filter((notice) => notice.id !== id)), []);
  const say = useCallback(
    (text: string) => {
      const id = ++newest;
      setNotices((before) => [...before.slice(-2), { id, text }]);
      setTimeout(() => drop(id), shownMs);
    },
    [drop],
  );
  return (
    <NoticeContext.Provider value={say}>
      {children}
      <div class="notices" role="status" aria-live="polite">
        {notices.map(({ id, text }) => (
          <div class="notice" key={id}>
            <span>{text}</span>
            <button type="button" class="plain" aria-label="Dismiss" onClick={() => drop(id)}>
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
    </NoticeContext.Provider>
  );
}
