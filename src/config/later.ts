// What the file and SMTP_URL may not say yet, though they will: refused by name, never ignored in silence.

export const notYetSupported = {
  file: ["dkim", "limits"],
  relay: ["rate", "domains", "dkim", "limits", "provider"],
  route: ["tag", "lane", "tenant", "key", "weights"],
} as const;
