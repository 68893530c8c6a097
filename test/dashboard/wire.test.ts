// The dashboard's own words for what the API answers, held against the API's schemas by the compiler: where they differ, this file does
// not pass the check of types.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { z } from "zod";
import type * as wire from "../../src/dashboard/api/wire.ts";
import { countedNames } from "../../src/dashboard/counting.ts";
import { countedNames as countedByTheStore } from "../../src/domain/stats.ts";
import type { capturedView } from "../../src/http/captured/listCaptured.ts";
import type { event } from "../../src/http/schemas/event.ts";
import type { key, keyWithSecret } from "../../src/http/schemas/key.ts";
import type { message } from "../../src/http/schemas/message.ts";
import type { problem } from "../../src/http/schemas/problem.ts";
import type { relay } from "../../src/http/schemas/relay.ts";
import type { suppression } from "../../src/http/schemas/suppression.ts";
import type { delivery, webhook, webhookWithSecret } from "../../src/http/schemas/webhook.ts";

/** Fails to compile where the API's answer is not what the dashboard takes it for. */
type Answers<Api extends Dashboard, Dashboard> = [Api, Dashboard];

type Checked = [
  Answers<z.output<typeof message>, wire.Message>,
  Answers<z.output<typeof event>, wire.Event>,
  Answers<z.output<typeof relay>, wire.Relay>,
  Answers<z.output<typeof webhook>, wire.Webhook>,
  Answers<z.output<typeof webhookWithSecret>, wire.WebhookWithSecret>,
  Answers<z.output<typeof delivery>, wire.Delivery>,
  Answers<z.output<typeof suppression>, wire.Suppression>,
  Answers<z.output<typeof key>, wire.Key>,
  Answers<z.output<typeof keyWithSecret>, wire.NewKey>,
  Answers<z.output<typeof problem>, wire.Problem>,
  Answers<ReturnType<typeof capturedView>, wire.Captured>,
];

test("what the API answers is what the dashboard takes it for", () => {
  // Done by the compiler: this only names what it has checked.
  const checked: Checked | undefined = undefined;
  assert.equal(checked, undefined);
});

test("the dashboard counts what the store counts", () => {
  assert.deepEqual([...countedNames], [...countedByTheStore]);
});
