// What the file and SMTP_URL may not say yet, though they will: refused by name, never ignored in silence.

export const notYetSupported = {
  file: ["dkim"],
  relay: ["rate", "domains", "dkim", "limits", "provider", "return_path"],
  route: ["tag", "lane", "tenant", "key", "weights"],
} as const;
