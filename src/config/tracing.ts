// Where traces go, by the variables that OpenTelemetry names (its specification, "Environment Variable Specification" and "OTLP Exporter").
import { z } from "zod";
import type { Sampling, TracingConfig } from "../domain/tracing.ts";
import { flag, oneOf, scalar, wholeNumber } from "./values.ts";
import type { VariableName, Variables } from "./variables.ts";

/** gRPC is left out: it would be the largest dependency of all, and every collector takes HTTP beside it. */
const protocols = ["http/protobuf", "http/json"] as const;
const protocol = z.string().transform((text, context) => {
  const found = protocols.find((name) => name === text.trim().toLowerCase());
  if (found) return found;
  context.addIssue({ code: "custom", message: "must be http/protobuf or http/json: collectors take OTLP by HTTP on port 4318" });
  return z.NEVER;
});

const endpoint = scalar("an http or https URL without a login, like http://collector:4318", (text) => {
  if (!URL.canParse(text)) return undefined;
  const { protocol: scheme, username, password, href } = new URL(text);
  const isPlain = username === "" && password === "" && !/[?#]/.test(text);
  return isPlain && (scheme === "http:" || scheme === "https:") ? href.replace(/\/+$/, "") : undefined;
});

/** `name=value` pairs with commas between them, values percent-encoded, as W3C Baggage writes them. */
const pairs = scalar("name=value pairs with commas between them, values percent-encoded", (text) => {
  const found: Record<string, string> = {};
  for (const item of text.split(",").map((part) => part.trim())) {
    if (item === "") continue;
    const [, name = "", value = ""] = /^([^=\s]+)\s*=\s*(.*)$/.exec(item) ?? [];
    const decoded = decode(value);
    // What no HTTP header may hold is of no use in an attribute either.
    if (name === "" || decoded === undefined || !/^[\x20-\x7e]*$/.test(decoded) || !/^[\x21-\x7e]+$/.test(name)) return undefined;
    found[name] = decoded;
  }
  return found;
});

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

const text = scalar("a name", (value) => (value === "" ? undefined : value));
const timeoutMs = wholeNumber({ min: 1, max: 60_000 });

/** The variables and how each is read. The ones with TRACES in their names win over those without. */
export const tracingVariables = {
  OTEL_SDK_DISABLED: flag,
  OTEL_TRACES_EXPORTER: oneOf(["otlp", "none"]),
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_HEADERS: pairs,
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: pairs,
  OTEL_EXPORTER_OTLP_TIMEOUT: timeoutMs,
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: timeoutMs,
  OTEL_SERVICE_NAME: text,
  OTEL_RESOURCE_ATTRIBUTES: pairs,
  OTEL_TRACES_SAMPLER: oneOf(samplers),
  OTEL_TRACES_SAMPLER_ARG: scalar("a number from 0 to 1", (value) => {
    const ratio = /^[\d.]{1,20}(e-\d{1,2})?$/i.test(value) ? Number(value) : Number.NaN;
    return ratio >= 0 && ratio <= 1 ? ratio : undefined;
  }),
  OTEL_BSP_SCHEDULE_DELAY: wholeNumber({ min: 1, max: 60_000 }),
  OTEL_BSP_MAX_QUEUE_SIZE: wholeNumber({ min: 512, max: 1_000_000 }),
};

/** Undefined where nothing is said of a collector, or tracing is turned off. */
export function tracingOf({ values }: Variables, complain: (name: VariableName, text: string) => void): TracingConfig | undefined {
  const sampling = samplingOf(values.OTEL_TRACES_SAMPLER, values.OTEL_TRACES_SAMPLER_ARG, complain);
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? undefined : `${base}/v1/traces`);
  if (url === undefined || values.OTEL_SDK_DISABLED || values.OTEL_TRACES_EXPORTER === "none") return undefined;
  const { "service.name": named, ...attributes } = values.OTEL_RESOURCE_ATTRIBUTES ?? {};
  return {
    url,
    protocol: values.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? values.OTEL_EXPORTER_OTLP_PROTOCOL ?? "http/protobuf",
    headers: { ...values.OTEL_EXPORTER_OTLP_HEADERS, ...values.OTEL_EXPORTER_OTLP_TRACES_HEADERS },
    timeoutMs: values.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? values.OTEL_EXPORTER_OTLP_TIMEOUT ?? 10_000,
    serviceName: values.OTEL_SERVICE_NAME ?? named ?? "postern",
    attributes,
    sampling,
    exportEveryMs: values.OTEL_BSP_SCHEDULE_DELAY ?? 5_000,
    spansMax: values.OTEL_BSP_MAX_QUEUE_SIZE ?? 2_048,
  };
}

function samplingOf(
  name: (typeof samplers)[number] = "parentbased_always_on",
  ratio: number | undefined,
  complain: (name: VariableName, text: string) => void,
): Sampling {
  const takesRatio = name.endsWith("traceidratio");
  if (ratio !== undefined && !takesRatio) {
    complain(
      "OTEL_TRACES_SAMPLER_ARG",
      "has no effect on this sampler: set OTEL_TRACES_SAMPLER to parentbased_traceidratio, or leave it out",
    );
  }
  return {
    followsCaller: name.startsWith("parentbased_"),
    ratio: takesRatio ? (ratio ?? 1) : name.endsWith("always_off") ? 0 : 1,
  };
}
