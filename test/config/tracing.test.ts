// Where traces go, by OpenTelemetry's own variables.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { printableConfig } from "../../src/config/print.ts";
import { configOf, faultsOf } from "./reading.ts";

const endpoint = "http://collector:4318";
const tracingOf = (env: Record<string, string>, files: Record<string, string> = {}) => configOf({ env, files }).tracing;

test("nothing is traced unless a collector is named, or where tracing is turned off", () => {
  assert.equal(tracingOf({}), undefined);
  assert.equal(tracingOf({ OTEL_SERVICE_NAME: "mail", OTEL_TRACES_SAMPLER: "always_on" }), undefined);
  assert.equal(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), undefined);
  for (const [name, value] of Object.entries({ OTEL_SDK_DISABLED: "true", OTEL_TRACES_EXPORTER: "none" })) {
    assert.equal(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, [name]: value }), undefined, name);
  }
});

test("the endpoint alone is enough", () => {
  assert.deepEqual(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/` }), {
    url: `${endpoint}/v1/traces`,
    protocol: "http/protobuf",
    headers: {},
    timeoutMs: 10_000,
    serviceName: "postern",
    attributes: {},
    sampling: { followsCaller: true, ratio: 1 },
    exportEveryMs: 5_000,
    spansMax: 2_048,
  });
});

test("what is said of traces wins over what is said of all signals, and headers may come from a file", () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/in",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS_FILE: "/run/secrets/headers",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-dataset=mail",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "2000",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=unused,deployment.environment.name=prod, team=a%20b",
    OTEL_SERVICE_NAME: "mail",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.05",
    OTEL_BSP_SCHEDULE_DELAY: "1000",
    OTEL_BSP_MAX_QUEUE_SIZE: "4096",
  };
  assert.deepEqual(tracingOf(env, { "/run/secrets/headers": "authorization=Bearer%20k,x-dataset=other\n" }), {
    url: "https://traces.example/in",
    protocol: "http/json",
    headers: { authorization: "Bearer k", "x-dataset": "mail" },
    timeoutMs: 2_000,
    serviceName: "mail",
    attributes: { "deployment.environment.name": "prod", team: "a b" },
    sampling: { followsCaller: true, ratio: 0.05 },
    exportEveryMs: 1_000,
    spansMax: 4_096,
  });
});

test("each sampler of the specification is taken", () => {
  const samplings: Record<string, unknown> = {
    always_on: { followsCaller: false, ratio: 1 },
    always_off: { followsCaller: false, ratio: 0 },
    traceidratio: { followsCaller: false, ratio: 1 },
    parentbased_always_on: { followsCaller: true, ratio: 1 },
    parentbased_always_off: { followsCaller: true, ratio: 0 },
    parentbased_traceidratio: { followsCaller: true, ratio: 1 },
  };
  for (const [name, sampling] of Object.entries(samplings)) {
    assert.deepEqual(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER: name })?.sampling, sampling, name);
  }
  for (const ratio of ["0", "1", "0.5", ".5", "1.0", "1e-05"]) {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: ratio };
    assert.deepEqual(tracingOf(env)?.sampling.ratio, Number(ratio));
  }
});

test("every fault names the variable and the way out", () => {
  const wrongProtocol = "must be http/protobuf or http/json: collectors take OTLP by HTTP on port 4318";
  const wrongUrl = "must be an http or https URL without a login, like http://collector:4318";
  const wrongPairs = "must be name=value pairs with commas between them, values percent-encoded";
  const cases: [name: string, value: string, fault: string][] = [
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", wrongProtocol],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", wrongUrl],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@collector:4318", wrongUrl],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "unix:///run/otlp.sock", wrongUrl],
    ["OTEL_EXPORTER_OTLP_HEADERS", "no pair", wrongPairs],
    ["OTEL_EXPORTER_OTLP_HEADERS", "a=%E0%A4%A", wrongPairs],
    ["OTEL_EXPORTER_OTLP_HEADERS", "a=x%0d%0ab:y", wrongPairs],
    ["OTEL_RESOURCE_ATTRIBUTES", "=v", wrongPairs],
    ["OTEL_TRACES_EXPORTER", "console", "must be one of otlp, none"],
    [
      "OTEL_TRACES_SAMPLER",
      "jaeger_remote",
      "must be one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio",
    ],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "must be a whole number from 1 to 60000"],
  ];
  for (const [name, value, fault] of cases) assert.deepEqual(faultsOf({ env: { [name]: value } }), [`${name}: ${fault}`]);
  for (const ratio of ["2", "-1", "50%", "0.5.5"]) {
    const env = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: ratio };
    assert.deepEqual(faultsOf({ env }), ["OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1"], ratio);
  }
  assert.deepEqual(faultsOf({ env: { OTEL_TRACES_SAMPLER_ARG: "0.5" } }), [
    "OTEL_TRACES_SAMPLER_ARG: has no effect on this sampler: set OTEL_TRACES_SAMPLER to parentbased_traceidratio, or leave it out",
  ]);
});

test("what is printed masks the collector's key and means the same", () => {
  const config = configOf({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20CANARY",
      OTEL_RESOURCE_ATTRIBUTES: "team=a%2Cb",
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.1",
    },
  });
  const text = printableConfig(config);
  assert.ok(!text.includes("CANARY"));
  const { environment } = parse(text) as { environment: Record<string, unknown> };
  const env = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (name.startsWith("OTEL_") ? [[name, String(value)]] : [])),
  );
  assert.deepEqual(tracingOf({ ...env, OTEL_EXPORTER_OTLP_TRACES_HEADERS: "authorization=Bearer%20CANARY" }), config.tracing);
});
