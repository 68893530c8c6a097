// Preloaded into a process under test: every resolver that it makes asks the test's DNS server (see dnsServer.ts) in place of the system's.
import dns from "node:dns";

const { Resolver } = dns;
dns.Resolver = class extends Resolver {
  constructor(options) {
    super(options);
    this.setServers([process.env.TEST_DNS_SERVER]);
  }
};
