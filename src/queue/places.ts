// How many wake-ups a consumer works on at once, whatever jobs they come in.

export type Places = {
  /** Resolves when nothing more is needed to fill all places: then it is worth asking the queue. */
  wanted(): Promise<void>;
  /** Whether that is so now. */
  isWanted(): boolean;
  /** So many wake-ups have come, and will each take a place. */
  expect(count: number): void;
  /** Takes a place for one of them, for as long as the work lasts. The work does not reject. */
  take(work: () => Promise<void>): Promise<void>;
};

/** Makes so many places. */
export function createPlaces(count: number): Places {
  /** Wake-ups that have come, and are not done with. */
  let present = 0;
  let free = count;
  const waiting: (() => void)[] = [];
  const askers: (() => void)[] = [];

  function leave(): void {
    present -= 1;
    const next = waiting.shift();
    if (next) next();
    else free += 1;
    if (present >= count) return;
    for (const asker of askers.splice(0)) asker();
  }

  return {
    wanted: async () => {
      while (present >= count) {
        await new Promise<void>((resolve) => {
          askers.push(resolve);
        });
      }
    },
    isWanted: () => present < count,
    expect: (more) => {
      present += more;
    },
    take: async (work) => {
      if (free > 0) free -= 1;
      else {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
      try {
        await work();
      } finally {
        leave();
      }
    },
  };
}
