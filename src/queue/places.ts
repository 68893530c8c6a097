// How many wake-ups a consumer works on at once, whatever jobs they come in.

export type Places = {
  /**
   * Whether to ask the queue for another job. Resolves once it is clear: true when there is a place to fill; false when a job that has come
   * waits to be begun first.
   */
  wanted(): Promise<boolean>;
  /** Whether there is a place to fill now. */
  isWanted(): boolean;
  /** A job has come, and each of its wake-ups will take a place. */
  expect(count: number): void;
  /** A wake-up of a job that is begun will take a place once more. */
  expectAgain(): void;
  /** It is begun. */
  begin(): void;
  /** Takes a place for one of its wake-ups, for as long as the work lasts. */
  take(work: () => Promise<void>): Promise<void>;
};

/** Makes so many places. */
export function createPlaces(count: number): Places {
  /** Wake-ups that have come and are not done with; jobs that have come and are not begun. */
  let present = 0;
  let unbegun = 0;
  let free = count;
  const waiting: (() => void)[] = [];
  const askers: (() => void)[] = [];

  function changed(): void {
    for (const asker of askers.splice(0)) asker();
  }

  function leave(): void {
    present -= 1;
    const next = waiting.shift();
    if (next) next();
    else free += 1;
    changed();
  }

  return {
    wanted: async () => {
      while (present >= count && unbegun === 0) {
        await new Promise<void>((resolve) => {
          askers.push(resolve);
        });
      }
      return present < count;
    },
    isWanted: () => present < count,
    expect: (more) => {
      present += more;
      unbegun += 1;
      changed();
    },
    expectAgain: () => {
      present += 1;
    },
    begin: () => {
      unbegun -= 1;
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
