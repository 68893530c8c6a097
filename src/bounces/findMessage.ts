// Which message a report is about: by the return path that it came to, else by what the original that it returns carries, or by the id
// that the relay's provider gave it.
import type { MessageRecord } from "../domain/message.ts";
import { providerOf, type StoredReport } from "../domain/report.ts";
import { type ReadReturnPath, type ReturnPath, returnPathHeader } from "../domain/returnPath.ts";
import type { Messages } from "../store/messages.ts";
import type { OriginalMessage, ParsedReport } from "./parsedReport.ts";

export type FindDependencies = {
  messages: Pick<Messages, "find" | "idByRelayMessageId">;
  /** All tenants that there are. */
  tenants(): Promise<string[]>;
  readReturnPath(localPart: string): ReadReturnPath;
};

/** `gone`: the message is no longer kept, but its return path still says whose it was. */
export type Found =
  | { kind: "message"; record: MessageRecord; atReturnPath: boolean }
  | { kind: "gone"; tenant: string; returnPath: ReturnPath }
  | { kind: "none" };

const messageIdPattern = /^(msg_[0-9a-hjkmnp-tv-z]{26})@/;
const pathsLookedAtMax = 5;

/** The return paths of ours that an original carries, most trustworthy first, without doubles. */
function returnPathsIn(original: OriginalMessage, read: FindDependencies["readReturnPath"]): ReturnPath[] {
  const names = [returnPathHeader.toLowerCase(), "return-path"];
  const locals = original.headers
    .filter(({ name }) => names.includes(name))
    .slice(0, pathsLookedAtMax)
    .map(({ value }) => /([^\s<>@]{1,64})@[^\s<>@]{1,255}/.exec(value)?.[1] ?? "");
  return locals.flatMap((local) => {
    const path = read(local);
    return path.kind === "valid" ? [path.returnPath] : [];
  });
}

/** Whose a return path is, the message being there or gone; undefined if that tenant is not known. */
export async function tenantOfReturnPath(
  { messages, tenants }: Pick<FindDependencies, "messages" | "tenants">,
  path: ReturnPath,
): Promise<string | undefined> {
  const found = await messages.find(path.messageId);
  if (found) return found.record.tenant;
  const fitting = (await tenants()).filter((tenant) => path.isTenant(tenant));
  return fitting.length === 1 ? fitting[0] : undefined;
}

/**
 * Finds the message. What a tenant handed in matches that tenant alone; what came to a return path matches that message alone.
 * A Message-ID of ours counts like a token as long as the message is there: only who got the mail knows either.
 */
export async function findMessage(
  { messages, tenants, readReturnPath }: FindDependencies,
  report: Pick<StoredReport, "source" | "tenant" | "return_path">,
  { original, relayMessageId }: Pick<ParsedReport, "original" | "relayMessageId">,
): Promise<Found> {
  const own = report.return_path === undefined ? undefined : readReturnPath(report.return_path);
  const paths = own ? (own.kind === "valid" ? [own.returnPath] : []) : original ? returnPathsIn(original, readReturnPath) : [];
  const byHeader = own ? undefined : messageIdPattern.exec(original?.messageId ?? "")?.[1];
  // What a provider calls its own is between it and us: nobody else can name it.
  const byRelay = relayMessageId !== undefined && providerOf(report.source) ? await messages.idByRelayMessageId(relayMessageId) : undefined;
  const isOurs = (tenant: string) => report.source !== "http" || tenant === report.tenant;
  for (const id of new Set([...paths.map(({ messageId }) => messageId), byRelay, byHeader])) {
    if (id === undefined) continue;
    const found = await messages.find(id);
    if (found && isOurs(found.record.tenant)) return { kind: "message", record: found.record, atReturnPath: own !== undefined };
  }
  for (const returnPath of paths) {
    // A message that is there, and is another tenant's, was passed over above.
    const tenant = await tenantOfReturnPath({ messages, tenants }, returnPath);
    if (tenant !== undefined && isOurs(tenant)) return { kind: "gone", tenant, returnPath };
  }
  return { kind: "none" };
}
