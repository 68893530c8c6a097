// Where commands write: lines for the person, lines about faults, and, on a terminal, a part of the screen that is drawn anew.

/** Lines that replace those drawn before. */
export type Screen = {
  draw(lines: readonly string[]): void;
  /** Leaves what was drawn last as it is; lines may follow. Idempotent. */
  end(): void;
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

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";

/** A part of the screen at the cursor. Lines are cut to the width, and to the height, so that none ever wraps or scrolls away. */
export function createScreen(stream: Stream): Screen {
  let drawn = 0;
  let isOpen = false;
  return {
    draw(lines) {
      const { columns = 80, rows = 24 } = stream;
      const fitting = lines.slice(0, rows - 1).map((line) => cut(line, columns - 1));
      const up = drawn > 0 ? `\u001b[${drawn}A` : "";
      stream.write(`${isOpen ? "" : hideCursor}${up}\r\u001b[J${fitting.map((line) => `${line}\n`).join("")}`);
      isOpen = true;
      drawn = fitting.length;
    },
    end() {
      if (isOpen) stream.write(showCursor);
      isOpen = false;
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
