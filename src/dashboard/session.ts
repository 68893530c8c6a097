// Who is signed in: a client with the key, and what that key may do. The key is kept for this tab alone.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Answer, type Client, createClient } from "./api/client.ts";
import type { OwnKey, Problem, Scope } from "./api/wire.ts";

export type Session = { client: Client; key: OwnKey; may(scope: Scope): boolean; signOut(): void };

const storageName = "postern-key";

export const SessionContext = createContext<Session | undefined>(undefined);

/** The session of whoever is signed in: every view is shown only then. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("nobody is signed in");
  return session;
}

/** Asks what a key may do, and keeps it for this tab if it is one. `onEnd`: called when it ends, with why, or by signing out. */
export async function signIn(key: string, onEnd: (problem?: Problem) => void): Promise<Answer<Session>> {
  const end = (problem?: Problem) => {
    sessionStorage.removeItem(storageName);
    onEnd(problem);
  };
  const client = createClient(key, end);
  const answer = await client.get<OwnKey>("keys/self");
  if (!answer.ok) return answer;
  sessionStorage.setItem(storageName, key);
  return {
    ok: true,
    data: { client, key: answer.data, may: (scope) => answer.data.scopes.includes(scope), signOut: () => end() },
  };
}

/** The key of this tab's earlier session, if there was one. */
export function keptKey(): string | undefined {
  return sessionStorage.getItem(storageName) ?? undefined;
}
