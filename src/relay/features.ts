// What a relay says of itself in its reply to EHLO.

export type Features = {
  /** Whether commands may go in groups (RFC 2920). */
  pipelining: boolean;
  /** Whether it wants to be told a message's size beforehand (RFC 1870). */
  size: boolean;
  /** The largest message it takes, in bytes; undefined if it does not say (RFC 1870). */
  sizeMax?: number;
  eightBitMime: boolean;
  smtpUtf8: boolean;
  startTls: boolean;
  /** The mechanisms behind AUTH, in upper case; empty without it. */
  authMethods: readonly string[];
};

/** A server that knows only HELO. */
export const noFeatures: Features = {
  pipelining: false,
  size: false,
  eightBitMime: false,
  smtpUtf8: false,
  startTls: false,
  authMethods: [],
};

/**
 * Reads the reply to EHLO (RFC 5321, section 4.1.1.1): a keyword a line, after the first one, which greets.
 * @param raw all its lines, separated by LF; anything but a 2xx has no features
 */
export function featuresOf(raw: string): Features {
  const features = { ...noFeatures };
  if (!raw.startsWith("2")) return features;
  for (const line of raw.split("\n").slice(1)) {
    const [keyword = "", ...parameters] = line
      .slice(4)
      .trim()
      .split(/[\s=]+/);
    const [parameter = ""] = parameters;
    switch (keyword.toUpperCase()) {
      case "PIPELINING":
        features.pipelining = true;
        break;
      case "SIZE":
        features.size = true;
        // SIZE without a number, or 0, sets no limit that is known.
        if (/^[1-9]\d{0,15}$/.test(parameter)) features.sizeMax = Number(parameter);
        break;
      case "8BITMIME":
        features.eightBitMime = true;
        break;
      case "SMTPUTF8":
        features.smtpUtf8 = true;
        break;
      case "STARTTLS":
        features.startTls = true;
        break;
      case "AUTH":
        // Some say it twice, the old way (AUTH=LOGIN) too.
        features.authMethods = [...new Set([...features.authMethods, ...parameters.map((method) => method.toUpperCase())])];
        break;
    }
  }
  return features;
}
