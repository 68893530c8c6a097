// What a JSON body may be. The refusals are those of the contract: whatever two parsers could read differently.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isRefusal } from "../../src/domain/refusals.ts";
import { parseStrictJson } from "../../src/http/strictJson.ts";

function parse(text: string | Buffer): unknown {
  const parsed = parseStrictJson(Buffer.from(text as string));
  return isRefusal(parsed) ? parsed.refused : parsed.value;
}

test("any JSON without doubled names is read as JSON.parse reads it", () => {
  const safe = fc.jsonValue({ maxDepth: 8, noUnicodeString: false }).filter((value) => {
    const text = JSON.stringify(value);
    return !/"__proto__"|"prototype"/.test(text) && text.isWellFormed() && !/\\ud[89a-f]/i.test(text) && !/\d{16}/.test(text);
  });
  fc.assert(
    fc.property(safe, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});

test("nothing that JSON.parse refuses gets through", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-", ".", "e", "true", "nul", " ", "\\", "x")),
      (parts) => {
        const text = parts.join("");
        let readable = true;
        try {
          JSON.parse(text);
        } catch {
          readable = false;
        }
        const found = parse(text);
        if (!readable) assert.equal(found, "malformed_json");
      },
    ),
    { numRuns: 3_000 },
  );
});

const refused: Record<string, string | Buffer> = {
  nothing: "",
  "only space": " \n",
  "cut off": '{"a": 1',
  "cut off inside a string": '{"a": "b',
  "two values": "{} {}",
  NaN: '{"a": NaN}',
  Infinity: '{"a": -Infinity}',
  "a number beyond all doubles": '{"a": 1e400}',
  "a whole number that loses digits": '{"a": 9007199254740993}',
  "a doubled name": '{"a": 1, "a": 2}',
  "a doubled name, written in two ways": '{"a": 1, "\\u0061": 2}',
  "a doubled name further in": '{"a": [{"b": 1, "c": {}, "b": 2}]}',
  "the name __proto__": '{"__proto__": {"admin": true}}',
  "the name __proto__, escaped": '{"\\u005f_proto__": 1}',
  "constructor.prototype": '{"constructor": {"prototype": {}}}',
  "33 levels": "[".repeat(33) + "]".repeat(33),
  "a million levels": "[".repeat(1_000_000),
  "a lone surrogate": '{"a": "\\ud800"}',
  "a lone surrogate in a name": '{"\\udfff": 1}',
  "bytes that are no UTF-8": Buffer.from([0x22, 0xff, 0x22]),
  gzip: Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0]),
  "a comment": '{"a": 1 /* one */}',
  "a trailing comma": '{"a": 1,}',
  "single quotes": "{'a': 1}",
};

for (const [name, text] of Object.entries(refused)) {
  test(`refused as malformed: ${name}`, () => assert.equal(parse(text), "malformed_json"));
}

test("the same name in two objects, a member named constructor and 32 levels pass", () => {
  assert.deepEqual(parse('[{"a": 1}, {"a": 2}]'), [{ a: 1 }, { a: 2 }]);
  assert.deepEqual(parse('{"a": {"a": 1}, "b": {"a": 1}}'), { a: { a: 1 }, b: { a: 1 } });
  assert.deepEqual(parse('{"constructor": {"name": "x"}, "prototype": 1}'), JSON.parse('{"constructor": {"name": "x"}, "prototype": 1}'));
  assert.equal(typeof parse("[".repeat(32) + "]".repeat(32)), "object");
  assert.equal(parse('"\\ud83d\\ude00"'), "😀");
});

test("a million members are refused without holding up the process", () => {
  const body = Buffer.from(`{${Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":1`).join()}}`);
  const before = performance.now();
  assert.equal(parse(body), "body_too_large");
  const tookMs = performance.now() - before;
  // Far above what it takes alone, far below what parsing all of it and looking for doubled names would.
  assert.ok(tookMs < 1_500, `took ${Math.round(tookMs)} ms`);
});

test("35 MB of hostile text take a time that grows with their length alone", () => {
  const size = 35 * 1024 * 1024;
  const texts = ['"\\\\', '"a" ', "1.", "-", " ", ",", "]", "{"].map((part) => part.repeat(size / part.length));
  for (const text of [...texts, `{"a":"${'\\"'.repeat(size / 2)}"}`]) {
    const before = performance.now();
    parse(text);
    const tookMs = performance.now() - before;
    assert.ok(tookMs < 6_000, `${text.slice(0, 12)}… took ${Math.round(tookMs)} ms`);
  }
});
