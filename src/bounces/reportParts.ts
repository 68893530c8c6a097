// Takes a mail apart into what matters in a report: the text for people, the fields for machines, the returned original.
import { decodeCharset, htmlToText } from "./decode.ts";
import { bodyOf, type Entity } from "./mime.ts";
import { returnedOriginal } from "./returnedOriginal.ts";

export type ReportParts = {
  /** What the report says to people, without the returned original; lines ended by LF. */
  text: string;
  /** The fields of message/delivery-status, one part after the other. */
  deliveryStatus?: string;
  /** The fields of message/feedback-report (RFC 5965). */
  feedback?: string;
  /** The returned original, from its header on. */
  original?: string;
};

const textCharactersMax = 32_768;
const fieldsCharactersMax = 262_144;
const originalCharactersMax = 65_536;

const originalTypes = /^(?:message\/(?:rfc822|global|partial|news)|(?:text|message)\/(?:rfc822|global|rfc-822)-?headers?)$/;
const statusTypes = /^message\/(?:global-)?delivery-?status$/;
const feedbackTypes = /^(?:message|text)\/feedback-report$/;

function leaves(entity: Entity): Entity[] {
  return entity.children.length > 0 ? entity.children.flatMap(leaves) : [entity];
}

/** A part's text as people see it. */
function textOf(entity: Entity): string {
  const decoded = decodeCharset(bodyOf(entity, textCharactersMax), entity.parameters.charset).replaceAll(String.fromCharCode(0), "");
  return entity.type === "text/html" ? htmlToText(decoded) : decoded;
}

/** Sorts the parts of a mail. */
export function partsOf(mail: Entity): ReportParts {
  const all = leaves(mail);
  const fields = (types: RegExp) =>
    all
      .filter(({ type }) => types.test(type))
      .map((part) => bodyOf(part, fieldsCharactersMax))
      .join("\n\n");
  const deliveryStatus = fields(statusTypes);
  const feedback = fields(feedbackTypes);
  const originalPart = all.find(({ type }) => originalTypes.test(type));
  const isText = ({ type }: Entity) => type.startsWith("text") && !originalTypes.test(type) && !feedbackTypes.test(type);
  const firstOriginal = originalPart ? all.indexOf(originalPart) : all.length;
  const texts = all.slice(0, firstOriginal).filter((part) => isText(part) || part.type.startsWith("multipart/"));
  const plain = texts.filter(({ type }) => type !== "text/html");
  const told = (plain.length > 0 ? plain : texts).slice(0, 4).map(textOf).join("\n\n");
  const { text, original } = returnedOriginal(told.slice(0, 2 * textCharactersMax));
  const returned = originalPart ? bodyOf(originalPart, originalCharactersMax) : original;
  return {
    text,
    ...(deliveryStatus && { deliveryStatus }),
    ...(feedback && { feedback }),
    ...(returned && { original: returned }),
  };
}
