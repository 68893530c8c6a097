import assert from "node:assert/strict";
import { test } from "node:test";
import { checkWebhookUrl, refusedAddress } from "../../src/domain/webhookUrl.ts";

const refusedHosts = [
  // Every spelling of loopback that a URL parser reads.
  "127.0.0.1",
  "127.1",
  "127.255.255.254",
  "2130706433",
  "0x7f.1",
  "0x7f000001",
  "0177.0.0.1",
  "017700000001",
  "127.0.0.1.",
  "１２７.0.0.1",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::127.0.0.1]",
  "localhost",
  "LOCALHOST.",
  "a.localhost",
  // Unspecified.
  "0.0.0.0",
  "0",
  "[::]",
  // Private, CGNAT, link-local, metadata services.
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "100.64.0.1",
  "100.127.255.255",
  "169.254.169.254",
  "168.63.129.16",
  "[fe80::1]",
  "[fec0::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  // IPv4 inside IPv6: mapped, translated, NAT64, 6to4, Teredo; a public address inside makes it no better.
  "[::ffff:10.0.0.1]",
  "[::ffff:8.8.8.8]",
  "[::ffff:0:8.8.8.8]",
  "[64:ff9b::a00:1]",
  "[64:ff9b::808:808]",
  "[64:ff9b:1::1]",
  "[2002:a00:1::]",
  "[2002:808:808::]",
  "[2001:0:808:808::1]",
  // Multicast, broadcast, documentation, benchmarking, reserved.
  "224.0.0.1",
  "239.255.255.255",
  "255.255.255.255",
  "240.0.0.1",
  "192.0.0.192",
  "192.0.2.1",
  "198.18.0.1",
  "198.51.100.1",
  "203.0.113.1",
  "192.88.99.1",
  "[ff02::1]",
  "[2001:db8::1]",
  "[3fff::1]",
  "[100::1]",
  "[4000::1]",
  "[5f00::1]",
];

const allowedHosts = [
  "example.com",
  "8.8.8.8",
  "172.32.0.1",
  "100.128.0.1",
  "169.253.0.1",
  "11.0.0.1",
  "[2606:4700::1111]",
  "localhost.example.com",
];

test("no spelling of an address that is not public is taken", () => {
  for (const host of refusedHosts) {
    for (const url of [`http://${host}/`, `https://${host}:8443/hook`]) {
      assert.match(String(checkWebhookUrl(url, "public")), /^The host .+ is .+: use an address that the internet reaches\.$/, url);
      assert.equal(checkWebhookUrl(url, "any"), undefined, url);
    }
  }
});

test("public addresses and names are taken, on any port", () => {
  for (const host of allowedHosts) {
    for (const targets of ["public", "loopback", "any"] as const)
      assert.equal(checkWebhookUrl(`https://${host}:81/a?b=c`, targets), undefined, host);
  }
});

test("where loopback is allowed, nothing else private is", () => {
  const loopback = ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "localhost", "a.localhost"];
  for (const host of loopback) assert.equal(checkWebhookUrl(`http://${host}:3000/`, "loopback"), undefined, host);
  for (const host of ["10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0", "[fd00::1]"]) {
    assert.ok(checkWebhookUrl(`http://${host}/`, "loopback"), host);
  }
});

test("what is no plain http or https URL is refused with the way out", () => {
  const cases: [string, RegExp][] = [
    ["", /not a URL: give one like https:/],
    ["example.com/hook", /not a URL/],
    ["//example.com", /not a URL/],
    ["https://", /not a URL/],
    ["https://256.256.256.256/", /not a URL/],
    ["ftp://example.com/", /begins with ftp:/],
    ["javascript:alert(1)", /begins with javascript:/],
    ["file:///etc/passwd", /begins with file:/],
    ["https://user:pass@example.com/", /user name or password: leave them out/],
    ["https://user@example.com/", /user name or password/],
    ["https://example.com/\r\nHost: x", /control character/],
    ["https://exa\tmple.com/", /control character/],
    [" https://example.com/", /space/],
    ["https:\\\\example.com\\", /backslash/],
    [`https://example.com/${"a".repeat(2_050)}`, /longer than 2048/],
  ];
  for (const [url, fault] of cases) assert.match(String(checkWebhookUrl(url, "any")), fault, url);
});

test("a resolved address is judged like a literal, and what is no address is refused", () => {
  assert.equal(refusedAddress("8.8.8.8", "public"), undefined);
  assert.equal(refusedAddress("fe80::1%eth0", "public"), "is not a public address (linkLocal)");
  assert.equal(refusedAddress("::ffff:10.0.0.1", "public"), "is not a public address (ipv4Mapped)");
  for (const text of ["", "example.com", "1.2.3.4.5", "::g"]) assert.equal(refusedAddress(text, "public"), "is no IP address");
});
