// Things that lean on one another, ended last in, first out; also when one of them cannot be started.

export type Stack = {
  /** Waits for something that is being started, and notes how it is ended. */
  add<Thing extends { stop(): Promise<unknown> }>(starting: Promise<Thing>): Promise<Thing>;
  stop(): Promise<void>;
};

export function createStack(): Stack {
  const things: { stop(): Promise<unknown> }[] = [];
  return {
    async add(starting) {
      const thing = await starting;
      things.push(thing);
      return thing;
    },
    async stop() {
      for (const thing of things.splice(0).toReversed()) await thing.stop();
    },
  };
}

/** Builds something on a stack; whatever was started is ended again when the building fails. */
export async function built<Thing>(build: (stack: Stack) => Promise<Thing>): Promise<Thing> {
  const stack = createStack();
  try {
    return await build(stack);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
