// What a configuration may say and can hardly mean: rules that never match, relays that nobody uses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, warningsOf } from "./reading.ts";

const relays = "relays: { ses: { host: ses.example }, office: { host: o.example } }\n";
const routes = (...rules: string[]) => `${relays}routes:\n${rules.map((rule) => `  - ${rule}\n`).join("")}`;

test("a rule that can never match is named, with the rule that takes its messages", () => {
  assert.deepEqual(
    warningsOf({
      yaml: routes("{ to_domain: '*.example.com', relays: [office] }", "{ relays: [ses] }", "{ tag: news, relays: [ses, office] }"),
    }),
    ["postern.yaml: routes[2]: can never match, because routes[1] takes everything that it would: move it up, or leave it out"],
  );
});

test("rules that only together take everything of another one are all named", () => {
  const yaml = routes(
    "{ lane: broadcast, relays: [ses] }",
    "{ tag: x, relays: [ses] }",
    "{ lane: transactional, relays: [ses] }",
    "{ relays: [office, ses] }",
  );
  assert.deepEqual(warningsOf({ yaml }), [
    "postern.yaml: relays.office: no rule of routes that can match uses this relay: only messages that name it go there",
    "postern.yaml: routes[3]: can never match, because routes[0] and routes[2] together take everything that it would: move it up, or leave it out",
  ]);
});

test("a rule of which a part is left is nobody's fault", () => {
  const rules = ["{ to_domain: [a.example, '*.b.example'], relays: [office] }", "{ to_domain: [a.example, b.example], relays: [ses] }"];
  assert.deepEqual(warningsOf({ yaml: routes(...rules) }), []);
});

test("a relay that no rule uses is named; one with the weight 0, and that of SMTP_URL, stand in for others and are used", () => {
  const yaml = routes("{ tag: x, relays: { ses: 1, office: 0 } }");
  assert.deepEqual(warningsOf({ env: { SMTP_URL: "smtp://s.example" }, yaml }), []);
  assert.deepEqual(warningsOf({ env: { SMTP_URL: "smtp://s.example" }, yaml: routes("{ relays: [ses] }") }), [
    "postern.yaml: relays.office: no rule of routes that can match uses this relay: only messages that name it go there",
  ]);
});

test("without routes every relay is used, and there is nothing to warn of", () => {
  assert.deepEqual(warningsOf({ yaml: relays }), []);
  assert.deepEqual(warningsOf({}), []);
});

test("where there are faults they are what is said", () => {
  assert.deepEqual(faultsOf({ yaml: routes("{ relays: [ses] }", "{ relays: [sess] }") }), [
    "postern.yaml: routes[1].relays[0]: no relay has this name: did you mean ses?",
  ]);
});
