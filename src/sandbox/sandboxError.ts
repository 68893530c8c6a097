// The sandbox's way to say "this is for the person at the terminal to mend", as opposed to a fault of the program.

/**
 * Something about the machine or the data folder keeps the sandbox from starting. The message is one readable line that names
 * the fault and the way out: print it without a stack. `cause` holds the system's own error where there is one.
 */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
}
