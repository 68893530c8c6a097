// The dialects of reports that follow no RFC, in the order in which they are tried: those that name themselves first,
// what any report might look like last.
import type { Dialect } from "./dialect.ts";
import { classicServerDialects } from "./dialects/classicServers.ts";
import { gatewayDialects } from "./dialects/gateways.ts";
import { groupwareDialects } from "./dialects/groupware.ts";
import { japaneseDialects } from "./dialects/japanese.ts";
import { providerDialects } from "./dialects/providers.ts";
import { unnamedDialects } from "./dialects/unnamed.ts";

export const dialects: readonly Dialect[] = [
  ...providerDialects,
  ...japaneseDialects,
  ...groupwareDialects,
  ...gatewayDialects,
  ...classicServerDialects,
  ...unnamedDialects,
];
