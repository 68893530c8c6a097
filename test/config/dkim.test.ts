// The file's DKIM keys: what is read, and every key that could not sign is refused at start.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { configOf, faultsOf } from "./reading.ts";

const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength });
const good = rsa(1024);
const files = {
  "/rsa.pem": good.privateKey.export(pkcs8).toString(),
  "/pkcs1.pem": good.privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
  "/ed.pem": generateKeyPairSync("ed25519").privateKey.export(pkcs8).toString(),
  "/small.pem": rsa(768).privateKey.export(pkcs8).toString(),
  "/ec.pem": generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(pkcs8).toString(),
  "/public.pem": good.publicKey.export({ type: "spki", format: "pem" }).toString(),
  "/cut.pem": good.privateKey.export(pkcs8).toString().slice(0, 200),
  "/cut-inside.pem": good.privateKey
    .export(pkcs8)
    .toString()
    .replace(/\n.{64}\n/, "\n"),
  "/text": "not a key",
};
const relay = "relays: { a: { host: a.example } }\n";

test("keys are read from files or the file itself, RSA in both its forms and Ed25519, several for one domain", () => {
  const yaml = `${relay}dkim:
  - { domain: Bücher.example, selector: r1, key_file: /rsa.pem }
  - { domain: bücher.example, selector: e1.mail, key_file: /ed.pem, subdomains: true }
  - { domain: other.example, selector: R1, key_file: /pkcs1.pem }
  - domain: inline.example
    selector: r1
    key: |
${files["/rsa.pem"].replace(/^/gm, "      ")}`;
  assert.deepEqual(
    configOf({ yaml, files }).dkim.map(({ privateKey, ...key }) => ({ ...key, hasKey: /PRIVATE KEY/.test(privateKey) })),
    [
      { domain: "xn--bcher-kva.example", selector: "r1", subdomains: false, hasKey: true },
      { domain: "xn--bcher-kva.example", selector: "e1.mail", subdomains: true, hasKey: true },
      { domain: "other.example", selector: "r1", subdomains: false, hasKey: true },
      { domain: "inline.example", selector: "r1", subdomains: false, hasKey: true },
    ],
  );
});

const place = "postern.yaml: dkim[0]";
const cases: Record<string, [dkim: string, ...lines: string[]]> = {
  "no list": [
    "{ domain: a.example }",
    "postern.yaml: dkim: must be a list of keys, like [{ domain: example.com, selector: mail, key_file: dkim.pem }]",
  ],
  "no mapping": ["[a.example]", `${place}: must be a mapping of keys to values`],
  "nothing that is needed": [
    "[{ subdomains: false }]",
    `${place}: names no domain: set domain`,
    `${place}: names no selector: set selector`,
    `${place}: names no key: set key_file`,
  ],
  "a domain and a selector that are none": [
    "[{ domain: a@b, selector: a_b, key_file: /rsa.pem }]",
    `${place}.domain: must be a domain like example.com`,
    `${place}.selector: must be a selector like mail or 2026-11: letters, digits, hyphens and dots`,
  ],
  "a selector twice": [
    "[{ domain: a.example, selector: s, key_file: /rsa.pem }, { domain: A.example, selector: S, key_file: /ed.pem }]",
    "postern.yaml: dkim[1]: has the domain and the selector of one before it: a selector names one key",
  ],
  "an unknown key": [
    "[{ domain: a.example, selector: s, key_file: /rsa.pem, private_key: x }]",
    `${place}.private_key: unknown key: known are domain, selector, key, subdomains`,
  ],
};
const keyFaults: Record<string, string> = {
  "/none.pem": "the file that it names cannot be read: there is no such file",
  "/small.pem": "is an RSA key of 768 bits, which receivers do not accept: make one of 2048",
  "/ec.pem": "is neither an RSA nor an Ed25519 key: make one with openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
  "/public.pem": "is a public key: the private one is needed",
  "/cut.pem": "holds a private key that cannot be read: it may be cut off",
  "/cut-inside.pem": "holds a private key that cannot be read: it may be cut off",
  "/text": "holds no private key: it must be PEM, with -----BEGIN PRIVATE KEY-----",
};
for (const [file, fault] of Object.entries(keyFaults)) {
  cases[`the key ${file}`] = [`[{ domain: a.example, selector: s, key_file: ${file} }]`, `${place}.key_file: ${fault}`];
}

for (const [name, [dkim, ...lines]] of Object.entries(cases)) {
  test(`${name}: refused, with the place and the way out`, () => {
    assert.deepEqual(faultsOf({ yaml: `${relay}dkim: ${dkim}`, files }), lines);
  });
}

test("a key that may not be read says who must be allowed to", () => {
  const faults = faultsOf({
    yaml: `${relay}dkim: [{ domain: a.example, selector: s, key_file: /srv/locked.pem }]`,
    locked: ["/srv/locked.pem"],
  });
  assert.deepEqual(faults, [
    `${place}.key_file: the file that it names cannot be read: permission is denied; let the user that Postern runs as read it`,
  ]);
});
