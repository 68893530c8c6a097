// The API's description: that it is whole, and that what is answered is what it says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApiDocument } from "../../src/http/openapi.ts";

type Operation = {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: { in: string; name: string }[];
  requestBody?: { content: Record<string, { schema: { $ref?: string }; example?: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
};
type Document = {
  openapi: string;
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { examples?: unknown[] }> };
};

const document = (await openApiDocument()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
);

test("it is the same each time, and needs no Redis", async () => {
  assert.equal(JSON.stringify(await openApiDocument()), JSON.stringify(document));
  assert.match(document.openapi, /^3\.1\./);
  assert.deepEqual(document.servers, [{ url: "/" }]);
});

test("every operation has a name of its own, a summary, a known tag and its answers", () => {
  const names = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(names).size, names.length);
  const tags = new Set(document.tags.map((tag) => tag.name));
  for (const { name, operation } of operations) {
    assert.match(operation.operationId ?? "", /^[a-z][A-Za-z]+$/, name);
    assert.ok(operation.summary, name);
    assert.ok(operation.tags?.every((tag) => tags.has(tag)) && operation.tags.length === 1, name);
    assert.ok(
      Object.keys(operation.responses).some((status) => status.startsWith("2")),
      name,
    );
    for (const [status, response] of Object.entries(operation.responses)) {
      assert.ok(response.description.length > 5 && response.description !== "Default Response", `${name} ${status}`);
      if (Number(status) >= 400) assert.deepEqual(Object.keys(response.content ?? {}), ["application/problem+json"], `${name} ${status}`);
    }
  }
});

test("whatever is under /v1 asks for one scope, or is verified as a provider's, and may be refused; nothing else asks for any", () => {
  for (const { name, path, operation } of operations) {
    if (path.startsWith("/v1/inbound/")) {
      assert.deepEqual(operation.security, [], name);
      assert.deepEqual(Object.keys(operation.responses), ["200", "400", "401", "404", "413", "415", "503"], name);
      continue;
    }
    const isGuarded = path.startsWith("/v1/");
    assert.equal(operation.security?.length, isGuarded ? 1 : 0, name);
    if (!isGuarded) continue;
    // What a key may do is told to every key.
    assert.equal(operation.security?.[0]?.key?.length, path === "/v1/keys/self" ? 0 : 1, name);
    for (const status of ["401", "403", "503"]) assert.ok(operation.responses[status], `${name} ${status}`);
    // A file is read as it comes, and may be of any size.
    const isFile = operation.requestBody?.content["text/csv"] !== undefined;
    if (operation.requestBody)
      for (const status of ["400", ...(isFile ? [] : ["413"]), "415", "422"]) assert.ok(operation.responses[status], `${name} ${status}`);
    if (operation.parameters?.some((parameter) => parameter.in === "query")) assert.ok(operation.responses["422"], name);
    if (path.includes("{id}")) assert.ok(operation.responses["404"], name);
  }
});

test("every JSON body has an example", () => {
  for (const { name, operation } of operations) {
    const body = operation.requestBody?.content["application/json"];
    if (!body) continue;
    const named = document.components.schemas[body.schema.$ref?.split("/").at(-1) ?? ""];
    assert.ok(body.example ?? named?.examples?.[0], name);
  }
});

test("every reference leads somewhere, and every schema is used", () => {
  const references = new Set(
    [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] ?? ""),
  );
  assert.deepEqual([...references].sort(), Object.keys(document.components.schemas).sort());
});
