// The npm package smtp-server as a relay: an implementation of AUTH and TLS that is not ours.
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export const auth = { user: "postern-user@x.test", pass: "s3cret-Pässword" };

/** Starts it on a loopback port. By default it takes `auth`'s login, repeats any other in its refusal, and takes all mail. */
export async function startSmtpServer(options: SMTPServerOptions): Promise<{ port: number; stop(): Promise<void> }> {
  const server = new SMTPServer({
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth: (login, _session, callback) => {
      const isRight = login.validatePassword?.(auth.pass) ?? login.password === auth.pass;
      if (login.username === auth.user && isRight) return callback(null, { user: login.username });
      callback(new Error(`Invalid login of ${login.username} with ${login.password}`));
    },
    onData: (stream, _session, callback) => {
      stream.on("end", () => callback()).resume();
    },
    ...options,
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as { port: number };
  return { port, stop: () => new Promise((resolve) => server.close(resolve)) };
}
