// What is plain ASCII, and so needs no word for how it is written.

/** Whether every character is ASCII. */
export function isAscii(text: string): boolean {
  return !/[^\p{ASCII}]/u.test(text);
}
