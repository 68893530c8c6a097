// Preloaded into a process under test: every resolver that it makes asks the test's DNS server (see dnsServer.ts) in place of the system's.
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";

function asking(Resolver) {
  return class extends Resolver {
    constructor(options) {
      super(options);
      this.setServers([process.env.TEST_DNS_SERVER]);
    }
  };
}

dns.Resolver = asking(dns.Resolver);
dns.promises.Resolver = asking(dns.promises.Resolver);
syncBuiltinESMExports();
