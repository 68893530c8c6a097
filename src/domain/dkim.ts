// What is configured for signing mail (DKIM, RFC 6376).

/** A key and the name under which its public half is published: `<selector>._domainkey.<domain>`. */
export type DkimKey = {
  /** Canonical. Mail whose From has this domain is signed for it (`d=`). */
  domain: string;
  selector: string;
  /** PEM; RSA of 1024 bits or more, or Ed25519. */
  privateKey: string;
  /** Signs for sub-domains without keys of their own too: a receiver that wants strict alignment (DMARC's adkim=s) takes that for none. */
  subdomains: boolean;
};
