// Where commands write: lines for the person, lines about faults, and, on a terminal, a part of the screen that is drawn anew.

/** Lines that replace those drawn before. */
export type Screen = {
  /** Lines are cut to the width, and to the height, so that none ever wraps or scrolls away. */
  draw(lines: readonly string[]): void;
  /** Puts these in place of what was drawn, whole, and leaves them there. */
  end(lines: readonly string[]): void;
};

export type Terminal = {
  out(line: string): void;
  err(line: string): void;
  /** Bytes as they are, for output that is a file. Resolves when they are taken; false if nobody reads any more. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Whether a person sees what is written to `out`, who can be shown what changes. */
  isLive: boolean;
  /** Of what is written to `err`. */
  isLiveErr: boolean;
  /** Draws in place; only where `isLive`. */
  screen(): Screen;
};

type Stream = { write(text: string): unknown; columns?: number; rows?: number };

/** Text from elsewhere (a relay, a DNS record, a proxy) without what would command a terminal. */
export function harmless(text: string): string {
  return text.replaceAll(/(?![\n\t])\p{Cc}/gu, "\ufffd");
}

/** A part of the screen at the cursor. */
export function createScreen(stream: Stream): Screen {
  let drawn = 0;
  const replace = (lines: readonly string[]) => {
    const up = drawn > 0 ? `\u001b[${drawn}A` : "";
    stream.write(`${up}\r\u001b[J${lines.map((line) => `${harmless(line)}\n`).join("")}`);
  };
  return {
    draw(lines) {
      // A terminal may say that it has no size at all.
      const [columns, rows] = [stream.columns || 80, stream.rows || 24];
      const fitting = lines.slice(0, rows - 1).map((line) => cut(line, columns - 1));
      replace(fitting);
      drawn = fitting.length;
    },
    end(lines) {
      replace(lines);
      drawn = 0;
    },
  };
}

function cut(line: string, width: number): string {
  const characters = [...line];
  return characters.length > width ? `${characters.slice(0, width - 1).join("")}…` : line;
}

/** Columns as wide as their widest cell, two spaces apart; those named in `right` are set to the right. */
export function tableOf(rows: readonly (readonly string[])[], right: ReadonlySet<number> = new Set()): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, [...cell].length);
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const padding = " ".repeat((widths[index] ?? 0) - [...cell].length);
        return right.has(index) ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd(),
  );
}
