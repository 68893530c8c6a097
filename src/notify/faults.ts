// Why a request had no answer, in words for the webhook's owner. The errors' own texts speak of sockets and inner addresses.
import { refusedCode } from "./lookup.ts";

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: "The host name does not exist.",
  ENODATA: "The host name has no address.",
  EAI_AGAIN: "The host name could not be resolved: its DNS does not answer.",
  ETIMEOUT: "The host name could not be resolved: its DNS does not answer.",
  ESERVFAIL: "The host name could not be resolved: its DNS is at fault.",
  ECONNREFUSED: "The connection was refused.",
  ECONNRESET: "The connection was cut before an answer came.",
  EPIPE: "The connection was cut before an answer came.",
  UND_ERR_SOCKET: "The connection was cut before an answer came.",
  UND_ERR_CONNECT_TIMEOUT: "No connection within 5 s.",
  ETIMEDOUT: "No connection within 5 s.",
  EHOSTUNREACH: "There is no way to the host.",
  ENETUNREACH: "There is no way to the host.",
  UND_ERR_HEADERS_OVERFLOW: "The answer's headers are too large.",
  [refusedCode]: "The host name leads to an address that is not public.",
};

/** One sentence about an error of the request; the unknown ones by their code alone. */
export function faultText(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  const inner = Array.isArray(errors) ? (errors[0] as { code?: unknown } | undefined)?.code : undefined;
  const name = String(code ?? inner ?? "");
  const known = words[name];
  if (known !== undefined) return known;
  if (/CERT|TLS|SSL|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(name)) return `The TLS certificate or handshake is at fault (${name}).`;
  if (/^(HPE_|UND_ERR_)/.test(name)) return `The answer is not proper HTTP (${name}).`;
  return name === "" ? "The request failed." : `The request failed (${name}).`;
}
