// Reads OTLP's protobuf (opentelemetry/proto/trace/v1/trace.proto) into the shape of its JSON, field by field, as far as tests look at it.
import type { OtlpExport, OtlpPair, OtlpSpan, OtlpValue } from "./otlpCollector.ts";

type Field = { number: number; varint?: bigint; bytes?: Buffer };

/** The fields of one message, in their order (protobuf's encoding: a varint of number and wire type before each). */
function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("the message is cut off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > message.length) throw new Error("the message is cut off");
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    if ((tag & 7) === 0) yield { number, varint: varint() };
    else if ((tag & 7) === 1) yield { number, bytes: take(8) };
    else if ((tag & 7) === 2) yield { number, bytes: take(Number(varint())) };
    else if ((tag & 7) === 5) yield { number, bytes: take(4) };
    else throw new Error(`a wire type that protobuf does not have: ${tag & 7}`);
  }
}

function all<T>(message: Buffer, number: number, read: (bytes: Buffer) => T): T[] {
  return [...fieldsOf(message)].flatMap((field) => (field.number === number && field.bytes ? [read(field.bytes)] : []));
}

const hex = (bytes: Buffer) => bytes.toString("hex");
const utf8 = (bytes: Buffer) => bytes.toString("utf8");
const nanoseconds = (bytes: Buffer) => bytes.readBigUInt64LE().toString();

function anyValue(message: Buffer): OtlpValue {
  for (const { number, varint = 0n, bytes = Buffer.alloc(0) } of fieldsOf(message)) {
    if (number === 1) return { stringValue: utf8(bytes) };
    if (number === 2) return { boolValue: varint === 1n };
    if (number === 3) return { intValue: Number(BigInt.asIntN(64, varint)) };
    if (number === 4) return { doubleValue: bytes.readDoubleLE() };
    if (number === 5) return { arrayValue: { values: all(bytes, 1, anyValue) } };
  }
  return {};
}

function pairOf(message: Buffer): OtlpPair {
  return { key: all(message, 1, utf8)[0] ?? "", value: all(message, 2, anyValue)[0] ?? {} };
}

function spanOf(message: Buffer): OtlpSpan {
  const one = <T>(number: number, read: (bytes: Buffer) => T) => all(message, number, read)[0];
  const number = (from: Buffer, wanted: number) => Number([...fieldsOf(from)].find((field) => field.number === wanted)?.varint ?? 0n);
  return {
    traceId: one(1, hex) ?? "",
    spanId: one(2, hex) ?? "",
    traceState: one(3, utf8) ?? "",
    parentSpanId: one(4, hex) ?? "",
    name: one(5, utf8) ?? "",
    kind: number(message, 6),
    startTimeUnixNano: one(7, nanoseconds) ?? "0",
    endTimeUnixNano: one(8, nanoseconds) ?? "0",
    attributes: all(message, 9, pairOf),
    status: { code: one(15, (status) => number(status, 3)) ?? 0 },
  };
}

/** Reads an ExportTraceServiceRequest. Throws where it is none. */
export function readExport(message: Buffer): OtlpExport {
  return {
    resourceSpans: all(message, 1, (resourceSpans) => ({
      resource: { attributes: all(resourceSpans, 1, (resource) => all(resource, 1, pairOf))[0] ?? [] },
      scopeSpans: all(resourceSpans, 2, (scopeSpans) => ({ spans: all(scopeSpans, 2, spanOf) })),
    })),
  };
}
