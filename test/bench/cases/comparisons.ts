// The cases in which the same mail goes through all of them, and what each is to show.
import { generateKeyPairSync } from "node:crypto";
import type { Case } from "../case.ts";
import { comparison } from "../comparison.ts";
import type { StartContender } from "../contender.ts";
import { startFloor } from "../peers/floor.ts";
import { startHaraka } from "../peers/haraka.ts";
import { startNodemailerLoop } from "../peers/nodemailer.ts";
import { startPostfixPeer } from "../peers/postfix.ts";
import { type ProductOptions, productContender } from "../product.ts";
import type { RecipeName } from "../recipes.ts";
import { farRelay, securedRelay } from "../relays.ts";

type Rest = Partial<ProductOptions> & { name?: string; connections?: number };

const postern =
  (recipe: RecipeName, rest: Rest = {}): StartContender =>
  () =>
    productContender({ name: "Postern", appendfsync: "always", ...rest, recipe });

export const plain: Case = comparison({
  name: "plain",
  title: "Plain mail",
  about: "Text and html of 5 KiB together, one recipient.",
  messages: 5_000,
  contenders: ({ withHaraka }) => [
    () => startFloor({ recipe: "plain" }),
    () => startPostfixPeer({ recipe: "plain" }),
    () => startNodemailerLoop({ recipe: "plain" }),
    ...(withHaraka ? [() => startHaraka({ recipe: "plain" })] : []),
    postern("plain", { name: "Postern, AOF always" }),
    postern("plain", { name: "Postern, AOF everysec", appendfsync: "everysec" }),
  ],
  against: ["Postfix", "nodemailer"],
});

const pem = { type: "pkcs8", format: "pem" } as const;
const rsaKey = () => generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey.export(pem).toString();
const ed25519Key = () => generateKeyPairSync("ed25519").privateKey.export(pem).toString();

/** As YAML; JSON is YAML. */
const signedBy = (key: string) => `dkim: ${JSON.stringify([{ domain: "shop.example.com", selector: "bench", key }])}\n`;

export const dkim: Case = comparison({
  name: "dkim",
  title: "DKIM",
  about: "Plain mail, signed. nodemailer signs with a PEM key, as its documentation has it; with an Ed25519 key it sends unsigned.",
  messages: 3_000,
  contenders() {
    const privateKey = rsaKey();
    return [
      () =>
        startNodemailerLoop({
          recipe: "plain",
          name: "nodemailer, RSA-2048",
          dkim: { domainName: "shop.example.com", keySelector: "bench", privateKey },
        }),
      postern("plain", { name: "Postern, RSA-2048", config: signedBy(privateKey) }),
      postern("plain", { name: "Postern, Ed25519", config: signedBy(ed25519Key()) }),
    ];
  },
  against: ["nodemailer, RSA-2048"],
});

export const secured: Case = comparison({
  name: "tls",
  title: "TLS and a login",
  about:
    "Plain mail to a relay with TLS, its certificate checked, and AUTH. What takes the relay's TLS off is a process of its own and counts for nobody.",
  messages: 3_000,
  contenders: () => [() => startNodemailerLoop({ recipe: "plain", relayOf: securedRelay }), postern("plain", { relayOf: securedRelay })],
  against: ["nodemailer"],
});

const roundTripMs = 20;

export const far: Case = comparison({
  name: "far",
  title: "A relay 20 ms away",
  about: "Plain mail to a relay 20 ms of round trip away, over 20 connections.",
  messages: 2_000,
  contenders: () => [
    () => startPostfixPeer({ recipe: "plain", roundTripMs }),
    () => startNodemailerLoop({ recipe: "plain", relayOf: farRelay(roundTripMs) }),
    postern("plain", { relayOf: farRelay(roundTripMs) }),
  ],
  against: ["Postfix", "nodemailer"],
});

/** The usual three, and another kind of mail. */
function usual(
  recipe: RecipeName,
  {
    name,
    title,
    about,
    messages,
    connections = 50,
  }: Omit<Parameters<typeof comparison>[0], "contenders" | "against"> & { connections?: number },
): Case {
  return comparison({
    ...{ name, title, about, messages },
    contenders: () => [() => startPostfixPeer({ recipe }), () => startNodemailerLoop({ recipe }), postern(recipe, { connections })],
    against: ["Postfix", "nodemailer"],
  });
}

export const fifty: Case = usual("fifty", {
  name: "fifty",
  title: "50 recipients",
  about: "Plain mail to 50 recipients each.",
  messages: 500,
});

export const attachment: Case = usual("attachment", {
  name: "attachment",
  title: "1 MiB attached",
  about: "Plain mail with a file of 1 MiB.",
  messages: 200,
  connections: 10,
});

export const batch: Case = comparison({
  name: "batch",
  title: "Batches of 50",
  about: "Plain mail, posted one by one and in batches of 50.",
  messages: 5_000,
  step: 50,
  contenders: () => [
    () => startPostfixPeer({ recipe: "plain" }),
    () => startNodemailerLoop({ recipe: "plain" }),
    postern("plain", { name: "Postern, one by one" }),
    postern("batch", { name: "Postern, batches of 50", connections: 10 }),
  ],
  against: ["Postfix", "nodemailer", "Postern, one by one"],
});
