// The app: whoever is not signed in does that first; then the frame around the views, and the view that the address names.
import { useCallback, useEffect, useState } from "preact/hooks";
import type { Problem } from "./api/wire.ts";
import { Frame } from "./frame.tsx";
import { Notices } from "./parts/notices.tsx";
import { keptKey, type Session, SessionContext, signIn } from "./session.ts";
import { SignIn } from "./views/signIn.tsx";
import { View } from "./views.tsx";

export function App() {
  const [session, setSession] = useState<Session>();
  const [ended, setEnded] = useState<Problem>();
  const [resuming, setResuming] = useState(keptKey() !== undefined);
  const end = useCallback((problem?: Problem) => {
    setSession(undefined);
    setEnded(problem);
  }, []);
  useEffect(() => {
    const key = keptKey();
    if (key === undefined) return;
    void signIn(key, end).then((answer) => {
      setResuming(false);
      if (answer.ok) setSession(answer.data);
      else setEnded(answer.problem);
    });
  }, [end]);
  const enter = async (key: string): Promise<Problem | undefined> => {
    setEnded(undefined);
    const answer = await signIn(key, end);
    if (!answer.ok) return answer.problem;
    setSession(answer.data);
    return undefined;
  };
  if (resuming) return null;
  if (!session) return <SignIn problem={ended} onKey={enter} />;
  return (
    <SessionContext.Provider value={session}>
      <Notices>
        <Frame>
          <View />
        </Frame>
      </Notices>
    </SessionContext.Provider>
  );
}
