// TLS as configured for one relay: whom it trusts, as whom it appears, from which version on, under which name.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { rootCertificates } from "node:tls";
import type { SMTPServerOptions } from "smtp-server";
import type { TlsOptions } from "../../src/domain/relay.ts";
import { type Certificate, selfSignedCertificate } from "../support/certificate.ts";
import { openTestRelay, sendOnce, told } from "./openTestRelay.ts";
import { startSmtpServer } from "./smtpServer.ts";

async function certificateFor(t: TestContext): Promise<Certificate> {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  return certificate;
}

async function serverWith(t: TestContext, certificate: Certificate, options: SMTPServerOptions) {
  const server = await startSmtpServer({
    key: certificate.key,
    cert: certificate.cert,
    authOptional: true,
    ...options,
  } as SMTPServerOptions);
  t.after(server.stop);
  return server.port;
}

for (const [tls, secure] of [
  ["implicit", true],
  ["required", false],
] as const) {
  test(`tls ${tls}: an own authority counts instead of the public ones, and only for this relay`, async (t) => {
    const [own, other] = [await certificateFor(t), await certificateFor(t)];
    const port = await serverWith(t, own, { secure });
    const outcome = async (tlsOptions?: TlsOptions) => {
      const acquired = await openTestRelay(t, { port, tls, host: "localhost", ...(tlsOptions && { tlsOptions }) }).acquire();
      if (acquired.ok) acquired.session.release();
      return acquired.ok ? "trusted" : acquired.fault.text;
    };
    assert.equal(await outcome({ trustedCertificates: own.cert }), "trusted");
    assert.equal(await outcome({ trustedCertificates: `${rootCertificates[0]}\n${own.cert}` }), "trusted");
    assert.match(await outcome({ trustedCertificates: other.cert }), /is not trusted .*\(ca_file\)/);
    assert.match(await outcome(), /is not trusted/);
  });

  test(`tls ${tls}: a relay that asks for a client certificate gets ours, and takes no other`, async (t) => {
    const [own, ours, stranger] = [await certificateFor(t), await certificateFor(t), await certificateFor(t)];
    const port = await serverWith(t, own, { secure, requestCert: true, rejectUnauthorized: true, ca: ours.cert } as SMTPServerOptions);
    const send = (client?: Certificate) =>
      openTestRelay(t, {
        ...{ port, tls, host: "localhost", timeouts: { connect: 2_000, command: 2_000 } },
        tlsOptions: {
          trustedCertificates: own.cert,
          ...(client && { clientCertificate: { certificate: client.cert, key: client.key } }),
        },
      });
    assert.deepEqual((await sendOnce(send(ours))).outcomes.map(told), ["accepted 250"]);
    assert.equal((await send(stranger).acquire()).ok, false);
    const without = await send().acquire();
    assert.ok(!without.ok);
    assert.match(
      without.fault.text,
      /takes no session with the client certificate that it got, or without one .*certificate required.*cert_file/,
    );
  });

  test(`tls ${tls}: a relay below the minimum version is a fault of TLS`, async (t) => {
    const own = await certificateFor(t);
    const port = await serverWith(t, own, { secure, maxVersion: "TLSv1.2" } as SMTPServerOptions);
    const relay = (versionMin?: TlsOptions["versionMin"]) =>
      openTestRelay(t, {
        ...{ port, tls, host: "localhost" },
        tlsOptions: { trustedCertificates: own.cert, ...(versionMin && { versionMin }) },
      });
    assert.equal((await sendOnce(relay())).connection.tls?.version, "TLSv1.2");
    const acquired = await relay("TLSv1.3").acquire();
    assert.ok(!acquired.ok);
    assert.match(acquired.fault.text, /TLS with localhost:\d+ failed \(.*protocol version/i);
  });

  test(`tls ${tls}: another name for the certificate than the host is asked for and checked`, async (t) => {
    const own = await certificateFor(t);
    let asked: string | undefined;
    const SNICallback = (name: string, done: (error: null) => void) => {
      asked = name;
      done(null);
    };
    const port = await serverWith(t, own, { secure, SNICallback } as unknown as SMTPServerOptions);
    const relay = (serverName: string) =>
      openTestRelay(t, { port, tls, host: "127.0.0.1", tlsOptions: { trustedCertificates: own.cert, serverName } });
    assert.deepEqual((await sendOnce(relay("localhost"))).outcomes.map(told), ["accepted 250"]);
    assert.equal(asked, "localhost");
    const wrong = await relay("mail.other.test").acquire();
    assert.ok(!wrong.ok);
    assert.match(wrong.fault.text, /is not trusted .*mail\.other\.test/);
  });
}
