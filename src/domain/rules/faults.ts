// What a fault of the relay or of the way to it means, where the relay itself said nothing: DNS, TCP, TLS, silence, login.
// The texts are Node's system errors, OpenSSL's reasons as Node words them, and those of the SMTP client.
import type { Phase } from "../relay.ts";
import type { Category } from "../reply.ts";

/** Like a reply rule, for a fault's phase and text. The first match wins; the last row of the table matches everything. */
export type FaultRule = {
  id: string;
  when: { phase?: readonly Phase[]; text?: RegExp };
  category: Category;
  advice: string;
  /** A real fault that this rule, and no earlier one, must match. */
  example: { phase: Phase; text: string };
};

export const faultRules: readonly FaultRule[] = [
  {
    id: "fault.no-token",
    when: { phase: ["auth"], text: /token endpoint/i },
    category: "relay_denied",
    advice: "No access token (OAuth2) could be had for the login at the relay: the fault says what the token endpoint answered.",
    example: { phase: "auth", text: "No login at smtp.example.com:587: the token endpoint login.example.com refused with invalid_grant." },
  },
  {
    id: "fault.proxy",
    when: { phase: ["connect"], text: /through the proxy/i },
    category: "unreachable",
    advice:
      "The relay's proxy did not let the connection through: check its address and login, and that it allows the relay's host and port.",
    example: {
      phase: "connect",
      text: "No way to smtp.example.com:587 through the proxy proxy.example.com:3128: connect ECONNREFUSED 192.0.2.1:3128.",
    },
  },
  {
    id: "fault.client-certificate",
    when: { text: /client certificate/i },
    category: "relay_denied",
    advice: "The relay wants a client certificate that it knows: check cert_file and key_file of the relay in the configuration.",
    example: {
      phase: "ehlo",
      text: "smtp.example.com:587 takes no session with the client certificate that it got, or without one (tlsv13 alert certificate required): set the relay's cert_file and key_file.",
    },
  },
  {
    id: "fault.unsigned",
    when: { phase: ["mail"], text: /could not be signed/i },
    category: "system",
    advice: "Postern could not sign the message (DKIM): look at its log, and at the key in the configuration.",
    example: { phase: "mail", text: "The message could not be signed (DKIM): Postern's log says why." },
  },
  {
    id: "fault.no-such-host",
    when: { text: /\b(?:ENOTFOUND|ENODATA|NXDOMAIN)\b/ },
    category: "unreachable",
    advice: "The relay's host name does not exist in DNS: correct its host in the configuration.",
    example: { phase: "dns", text: "getaddrinfo ENOTFOUND smtp.example.invalid" },
  },
  {
    id: "fault.dns-not-answering",
    when: { text: /\b(?:EAI_AGAIN|ESERVFAIL|SERVFAIL|queryA{1,4} ETIMEOUT|EREFUSED)\b|cannot be resolved/ },
    category: "unreachable",
    advice: "DNS did not answer for the relay's host name: check the resolver of this machine or cluster.",
    example: { phase: "dns", text: "getaddrinfo EAI_AGAIN smtp.example.com" },
  },
  {
    id: "fault.connection-refused",
    when: { text: /\bECONNREFUSED\b|connection refused/i },
    category: "unreachable",
    advice: "Nothing listens at the relay's host and port: check both in the configuration, and that the relay is running.",
    example: { phase: "connect", text: "connect ECONNREFUSED 192.0.2.1:587" },
  },
  {
    id: "fault.no-route",
    when: { text: /\b(?:EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENETDOWN|EHOSTDOWN)\b/ },
    category: "unreachable",
    advice: "There is no network route to the relay: check this machine's network, network policies and IPv6.",
    example: { phase: "connect", text: "connect ENETUNREACH 2001:db8::1:587" },
  },
  {
    id: "fault.certificate-expired",
    when: { text: /certificate has expired|\bCERT_HAS_EXPIRED\b|certificate is not yet valid|\bCERT_NOT_YET_VALID\b/i },
    category: "unreachable",
    advice: "The relay's TLS certificate has expired or is not valid yet: let its operators renew it, and check this machine's clock.",
    example: { phase: "starttls", text: "certificate has expired" },
  },
  {
    id: "fault.certificate-other-name",
    when: { text: /does not match certificate's altnames|\bERR_TLS_CERT_ALTNAME_INVALID\b|hostname mismatch/i },
    category: "unreachable",
    advice: "The relay's TLS certificate is for another name: use the name that the certificate holds as the relay's host.",
    example: {
      phase: "starttls",
      text: "Hostname/IP does not match certificate's altnames: Host: mail. is not in the cert's altnames: DNS:smtp.example.com",
    },
  },
  {
    id: "fault.certificate-self-signed",
    when: { text: /self[ -]signed certificate|\b(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)\b/i },
    category: "unreachable",
    advice: "The relay's TLS certificate is self-signed: name its authority in the relay's ca_file, or have it issued by a public one.",
    example: { phase: "starttls", text: "self-signed certificate in certificate chain" },
  },
  {
    id: "fault.certificate-unknown-issuer",
    when: { text: /unable to (?:get (?:local )?issuer certificate|verify the first certificate)|\bUNABLE_TO_\w{1,40}\b/i },
    category: "unreachable",
    advice:
      "The relay's TLS certificate cannot be traced to a known authority: let the relay send its whole chain, or name its authority in the relay's ca_file.",
    example: { phase: "starttls", text: "unable to verify the first certificate" },
  },
  {
    id: "fault.certificate",
    when: { text: /\bcertificate\b|\bCERT_/i },
    category: "unreachable",
    advice: "The relay's TLS certificate was not accepted: let its operators look at it with the text of the error.",
    example: { phase: "starttls", text: "certificate revoked" },
  },
  {
    id: "fault.tls-on-a-plain-port",
    when: { text: /wrong version number|packet length too long|http request|\bEPROTO\b.{0,80}wrong/i },
    category: "protocol",
    advice: "The relay's port does not begin with TLS: use smtps:// (implicit TLS) with port 465 only, and STARTTLS with 587 or 25.",
    example: { phase: "connect", text: "40E7A0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number" },
  },
  {
    id: "fault.tls-handshake",
    when: {
      text: /handshake failure|unsupported protocol|no protocols available|protocol version|no shared cipher|dh key too small|\bERR_SSL_\w{1,60}|secure TLS connection was established|SSL routines/i,
    },
    category: "protocol",
    advice: "The relay and Postern share no TLS version or cipher: let its operators enable TLS 1.2 or 1.3.",
    example: { phase: "starttls", text: "error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure" },
  },
  {
    id: "fault.starttls-not-offered",
    when: { phase: ["ehlo", "starttls"], text: /starttls|upgrad|\bTLS\b/i },
    category: "protocol",
    advice: "The relay did not offer or start TLS: check the port and the option tls; something in between may strip STARTTLS.",
    example: { phase: "ehlo", text: "The relay does not offer STARTTLS" },
  },
  {
    id: "fault.login",
    when: { phase: ["auth"], text: /credential|password|login|authenticat|mechanism|method/i },
    category: "relay_denied",
    advice: "The login at the relay did not work: check its user name, password and authentication method in the configuration.",
    example: { phase: "auth", text: "Missing credentials for PLAIN" },
  },
  {
    id: "fault.silent-at-connect",
    when: { phase: ["dns", "connect"], text: /\bE?TIMEDOUT\b|time-?out|timed out/i },
    category: "unreachable",
    advice: "The relay's host did not answer: check host and port, and that firewalls let this machine out; many clouds block port 25.",
    example: { phase: "connect", text: "connect ETIMEDOUT 192.0.2.1:25" },
  },
  {
    id: "fault.no-greeting",
    when: { phase: ["greeting"] },
    category: "unreachable",
    advice:
      "The relay took the connection but never greeted: check that the port speaks SMTP and whether it wants implicit TLS (smtps://, port 465).",
    example: { phase: "greeting", text: "Greeting never received" },
  },
  {
    id: "fault.lost-after-the-dot",
    when: { phase: ["after_dot"] },
    category: "unreachable",
    advice: "The connection ended before the relay said whether it took the message: look for it in the relay's log.",
    example: { phase: "after_dot", text: "Connection closed unexpectedly" },
  },
  {
    id: "fault.lost-in-the-body",
    when: { phase: ["data", "body"] },
    category: "unreachable",
    advice: "The connection broke while the message was handed over: check the relay's size limit and the network in between.",
    example: { phase: "body", text: "write EPIPE" },
  },
  {
    id: "fault.slow-relay",
    when: { text: /\bE?TIMEDOUT\b|time-?out|timed out/i },
    category: "unreachable",
    advice: "The relay did not answer in time: look at its load, or raise timeouts.command.",
    example: { phase: "rcpt", text: "Timeout" },
  },
  {
    id: "fault.lost",
    when: {},
    category: "unreachable",
    advice: "The connection to the relay broke off: look at the relay's log at that time; too many connections may be the reason.",
    example: { phase: "mail", text: "read ECONNRESET" },
  },
];
