// What a receipt may wait for beside the write itself.

/** How many replicas must have a write, whether it must be on disk there and here, and how long all of that may take until it has failed. */
export type Confirmation = { replicas: number; fsync: boolean; timeoutMs: number };
