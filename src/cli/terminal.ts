// Where commands write: lines for the person, and lines about faults.
export type Terminal = { out(line: string): void; err(line: string): void };
