// A report's own words, made ready for the classifier.

const charactersMax = 900;

/** A text on one line, at most 900 characters. */
export function wordsOf(text: string): string {
  return text
    .slice(0, 3 * charactersMax)
    .replace(/[=*_#-]{4,1000}/g, " ")
    .replace(/\s{1,1000}/g, " ")
    .trim()
    .slice(0, charactersMax);
}

/** An account of a recipient without the address that heads it, which is no part of the reason. */
export function withoutAddress(account: string, recipient: string): string {
  return [`<${recipient}>:`, `<${recipient}>`, `${recipient}:`, recipient].reduce((rest, form) => rest.replaceAll(form, " "), account);
}
