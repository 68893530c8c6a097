// What the chart hands to the gateway is what the gateway takes. What is rendered is read from test/helm/golden, to which the chart's check holds it.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import type { Config } from "../../src/config.ts";
import { configOf } from "../config/reading.ts";
import { selfSignedCertificate } from "../support/certificate.ts";

type Variable = { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } };
type Container = {
  args: string[];
  env: Variable[];
  ports: { name: string; containerPort: number }[];
  volumeMounts: { name: string; mountPath: string }[];
  securityContext: object;
} & Record<"startupProbe" | "livenessProbe" | "readinessProbe", { httpGet: { path: string; port: string } }>;
type Kubernetes = {
  kind: string;
  metadata: { name: string; labels: Record<string, string> };
  data?: Record<string, string>;
  spec: {
    selector: { matchLabels: Record<string, string> } & Record<string, string>;
    ports: { targetPort: string }[];
    template: { metadata: { labels: Record<string, string> }; spec: { securityContext: object; containers: Container[] } };
  };
};

const golden = new URL("./golden/", import.meta.url);
const renderings = readdirSync(golden).map((file) => ({
  name: file.replace(/\.yaml$/, ""),
  objects: parseAllDocuments(readFileSync(new URL(file, golden), "utf8")).map((document) => document.toJS() as Kubernetes),
}));

const own = await selfSignedCertificate();
after(own.remove);
/** What the Secrets that the values name hold, by the variable or the file that it comes to. */
const secrets: Record<string, string> = {
  REDIS_URL: "redis+sentinel://:password@sentinel-0:26379,sentinel-1:26379/mymaster/0",
  SMTP_URL: "smtp://user:password@smtp.example.com:587",
  POSTERN_API_KEY: "k".repeat(32),
  UNSUBSCRIBE_SECRETS: "u".repeat(32),
  RETURN_PATH_SECRETS: "r".repeat(32),
  SES_USER: "user",
  SES_PASS: "password",
};
const files = {
  "/run/secrets/dkim/mail.pem": generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  "/run/secrets/reports-tls/tls.crt": own.cert,
  "/run/secrets/reports-tls/tls.key": own.key,
};

/** What the gateway makes of a rendered pod, where the image's own variables hold too. */
function configurationIn(objects: Kubernetes[], container: Container): Config {
  const variables = container.env.map(({ name, value }): [string, string] => [name, value ?? secrets[name] ?? ""]);
  const { SES_USER = "", SES_PASS = "" } = secrets;
  const env = { NODE_ENV: "production", POSTERN_DATA_DIR: "/data", SES_USER, SES_PASS, ...Object.fromEntries(variables) };
  const yaml = objects.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.endsWith("-config"))?.data?.["postern.yaml"];
  const role = container.args.at(-1) as "api" | "worker";
  return configOf({ env, role, files: { ...files, ...(yaml !== undefined && { "/etc/postern/postern.yaml": yaml }) } });
}

for (const { name, objects } of renderings) {
  const deployments = objects.filter(({ kind }) => kind === "Deployment");
  const containers = deployments.map(({ spec }) => spec.template.spec.containers[0] as Container);

  describe(name, () => {
    test("both roles take the configuration that they are given, and listen where the pod says", () => {
      assert.deepEqual(containers.map(({ args }) => args.at(-1)).sort(), ["api", "worker"]);
      for (const container of containers) {
        const config = configurationIn(objects, container);
        const reports = config.role === "worker" && config.returnPathDomain !== undefined;
        assert.equal(config.sandbox, false);
        assert.ok(config.relays.length > 0);
        assert.deepEqual(Object.fromEntries(container.ports.map((port) => [port.name, port.containerPort])), {
          ...(config.role === "api" && { http: config.http.port }),
          ...(reports && { reports: config.bounce.port }),
          metrics: config.metrics.port,
        });
        assert.match(config.http.host, /^(0\.0\.0\.0|::)$/);
        assert.equal(config.bounce.host, config.http.host);
      }
    });

    test("probes ask the metrics port, which answers in every role", () => {
      for (const { startupProbe, livenessProbe, readinessProbe } of containers) {
        assert.deepEqual(startupProbe.httpGet, { path: "/livez", port: "metrics" });
        assert.deepEqual(livenessProbe.httpGet, { path: "/livez", port: "metrics" });
        assert.deepEqual(readinessProbe.httpGet, { path: "/readyz", port: "metrics" });
      }
    });

    test("every container runs without root, without rights, and on a root that it cannot write to", () => {
      for (const { spec } of objects.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet")) {
        const { securityContext, containers } = spec.template.spec;
        assert.deepEqual(securityContext, {
          ...{ runAsNonRoot: true, runAsUser: 10_001, runAsGroup: 10_001, fsGroup: 10_001 },
          seccompProfile: { type: "RuntimeDefault" },
        });
        for (const container of containers) {
          assert.deepEqual(container.securityContext, {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          });
        }
      }
    });

    test("every Service leads to pods that have its port", () => {
      const pods = objects.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet").map(({ spec }) => spec.template);
      for (const { metadata, spec } of objects.filter(({ kind }) => kind === "Service")) {
        const selected = pods.filter((pod) =>
          Object.entries(spec.selector).every(([label, value]) => pod.metadata.labels[label] === value),
        );
        assert.ok(selected.length > 0, `${metadata.name} leads nowhere`);
        for (const { targetPort } of spec.ports) {
          for (const pod of selected) {
            assert.ok(
              pod.spec.containers.some(({ ports }) => ports.some((port) => port.name === targetPort)),
              `${metadata.name} leads to a pod without ${targetPort}`,
            );
          }
        }
      }
    });
  });
}
