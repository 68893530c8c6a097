// What was said between us and the relay, kept within bounds however long or talkative the dialogue.
import type { TranscriptLine } from "../domain/relay.ts";

const linesMax = 200;
const charactersMax = 500;
/** Of a dialogue that is too long the beginning is kept, and the end, where the answers that matter are. */
const linesAtStart = 100;

export type Transcript = {
  /** One command, or one reply of any number of lines (separated by LF). */
  add(from: TranscriptLine["from"], text: string): void;
  /** At most 200 lines of at most 500 characters each, in order. */
  lines(): TranscriptLine[];
};

/**
 * Starts a transcript.
 * @param startedAt what `atMs` counts from, in milliseconds of `performance.now()`
 * @param earlier lines that were said before, with an `atMs` that already fits
 */
export function startTranscript(startedAt: number, earlier: readonly TranscriptLine[] = []): Transcript {
  const lines = [...earlier];
  let leftOut = 0;
  const push = (from: TranscriptLine["from"], text: string) => {
    const line = text.length > charactersMax ? `${text.slice(0, charactersMax - 1)}…` : text;
    lines.push({ from, atMs: Math.round(performance.now() - startedAt), line });
    // One place stays free for the line that says how many are missing.
    if (lines.length < linesMax) return;
    lines.splice(linesAtStart, 1);
    leftOut++;
  };
  return {
    add(from, text) {
      if (!text.includes("\n")) return push(from, text);
      for (const line of text.split("\n")) push(from, line);
    },
    lines() {
      const next = lines[linesAtStart];
      if (leftOut === 0 || next === undefined) return lines;
      const gap: TranscriptLine = { ...next, line: `… ${leftOut} lines left out …` };
      return [...lines.slice(0, linesAtStart), gap, ...lines.slice(linesAtStart)];
    },
  };
}

/** Lines of several transcripts one after the other, as few as one may have: of too many the beginning and the end. */
export function bounded(lines: TranscriptLine[]): TranscriptLine[] {
  const next = lines[linesAtStart];
  if (lines.length <= linesMax || next === undefined) return lines;
  const leftOut = lines.length - linesMax + 1;
  const gap: TranscriptLine = { ...next, line: `… ${leftOut} lines left out …` };
  return [...lines.slice(0, linesAtStart), gap, ...lines.slice(linesAtStart + leftOut)];
}
