// What the file may not say yet, though it will: refused by name, never ignored in silence.

export const notYetSupported = {
  file: ["limits"],
} as const;
