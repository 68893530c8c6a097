// The table of reply rules in the order in which they are tried: from what one provider says in its own dialect
// to what a bare code means. The first match wins.
import type { ReplyRule } from "./replyRule.ts";
import { basicCodeRules } from "./rules/basicCodes.ts";
import { blockListRules } from "./rules/blockLists.ts";
import { destinationWordingRules } from "./rules/destinationWordings.ts";
import { enhancedCodeRules } from "./rules/enhancedCodes.ts";
import { foreignWordingRules } from "./rules/foreignWordings.ts";
import { googleRules } from "./rules/google.ts";
import { mailboxProviderRules } from "./rules/mailboxProviders.ts";
import { mailServerRules } from "./rules/mailServers.ts";
import { messageWordingRules } from "./rules/messageWordings.ts";
import { microsoftRules } from "./rules/microsoft.ts";
import { providerCodeRules } from "./rules/providerCodes.ts";
import { rareWordingRules } from "./rules/rareWordings.ts";
import { regionalProviderRules } from "./rules/regionalProviders.ts";
import { reportWordingRules } from "./rules/reportWordings.ts";
import { securityGatewayRules } from "./rules/securityGateways.ts";
import { sendingServiceRules } from "./rules/sendingServices.ts";
import { sessionRules } from "./rules/session.ts";

export const replyRules: readonly ReplyRule[] = [
  ...reportWordingRules,
  ...googleRules,
  ...microsoftRules,
  ...providerCodeRules,
  ...mailboxProviderRules,
  ...regionalProviderRules,
  ...securityGatewayRules,
  ...sendingServiceRules,
  ...blockListRules,
  ...sessionRules,
  ...mailServerRules,
  ...foreignWordingRules,
  ...rareWordingRules,
  ...messageWordingRules,
  ...destinationWordingRules,
  ...enhancedCodeRules,
  ...basicCodeRules,
];
