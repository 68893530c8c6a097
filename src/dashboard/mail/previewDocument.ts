// Makes of a mail's HTML the document that its preview shows. What keeps it from doing harm is the frame: no scripts, an origin of its own,
// and a policy that loads nothing. What is taken out here would only be noise in that frame, or would tell others that the mail is read.
import type { Attachment } from "./parse.ts";

/** Elements that load, run, lead away or act before any policy is asked (a `link` may open a connection). */
const unwanted = "script, link, base, meta, object, embed, applet, iframe, frame, frameset, portal, noscript, template";
/** An image of a mail that is larger than this is not shown inside it. */
const inlineBytesMax = 8 * 1024 * 1024;

/**
 * The document as text.
 * @param parser of the frame around the preview, whose policy lets mail have styles of its own; the page's lets no text become markup
 * @param html as it came: hostile
 * @param attachments those that the HTML shows by `cid:` (RFC 2392) are put into it
 * @returns with how many references to other hosts' images there are, which are not followed
 */
export function previewDocument(
  parser: DOMParser,
  html: string,
  attachments: readonly Attachment[],
): { document: string; blocked: number } {
  // A document that is parsed this way runs and loads nothing.
  const parsed = parser.parseFromString(html, "text/html");
  for (const element of parsed.querySelectorAll(unwanted)) element.remove();
  let blocked = 0;
  for (const image of parsed.querySelectorAll("img, source, input[type=image]")) {
    image.removeAttribute("srcset");
    const source = image.getAttribute("src") ?? "";
    if (/^cid:/i.test(source)) {
      const inline = dataUrl(attachments, source.slice(4));
      if (inline) image.setAttribute("src", inline);
      else image.removeAttribute("src");
    } else if (!/^data:image\//i.test(source)) {
      blocked += source === "" ? 0 : 1;
      image.removeAttribute("src");
    }
  }
  for (const link of parsed.querySelectorAll("a, area")) disarm(link);
  for (const sender of parsed.querySelectorAll("[action], [formaction]")) {
    sender.removeAttribute("action");
    sender.removeAttribute("formaction");
  }
  return { document: `<!doctype html>${parsed.documentElement.outerHTML}`, blocked };
}

const linkAttributes = ["href", "xlink:href"] as const;

/** A link looks as it did and says where it leads; the policy would stop whoever follows it, but only after a connection was opened. */
function disarm(link: Element): void {
  link.removeAttribute("ping");
  link.removeAttribute("target");
  for (const name of linkAttributes) {
    const target = link.getAttribute(name);
    if (target === null) continue;
    const isWithin = target.startsWith("#");
    if (!isWithin) link.setAttribute("title", target);
    link.setAttribute(name, `about:srcdoc${isWithin ? target : "#"}`);
  }
}

function dataUrl(attachments: readonly Attachment[], reference: string): string | undefined {
  const id = decodeReference(reference);
  const found = attachments.find(({ contentId }) => contentId === id);
  if (!found || !/^image\/[\w.+-]+$/.test(found.type) || found.bytes.length > inlineBytesMax) return undefined;
  const characters = Array.from(found.bytes, (octet) => String.fromCharCode(octet));
  return `data:${found.type};base64,${btoa(characters.join(""))}`;
}

function decodeReference(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}
