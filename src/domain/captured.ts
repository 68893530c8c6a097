// Mail that the sandbox's capture relay took, as it keeps it and as the API shows it.

/** One mail as the relay got it. `received_at` is in milliseconds since the epoch, `size` in bytes. */
export type CapturedMessage = {
  id: string;
  received_at: number;
  envelope: { from: string; to: string[] };
  /** Of the header field, decoded; empty if the mail has none. */
  from: string;
  /** Decoded; empty if the mail has none. */
  subject: string;
  size: number;
};
