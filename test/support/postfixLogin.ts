// The password check behind Postfix' AUTH. Postfix asks a Dovecot server in Dovecot's own line protocol; answering that takes
// a few lines, where the alternative, Cyrus SASL, takes more packages and a password file.
// The protocol: https://doc.dovecot.org/2.3/developer_manual/design/auth_protocol/
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

/**
 * Starts it on a loopback port.
 * @returns `path`: what smtpd_sasl_path has to be
 */
export async function startLoginServer(account: { user: string; pass: string }): Promise<{ path: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    const send = (...fields: string[]) => socket.write(`${fields.join("\t")}\n`);
    send("VERSION", "1", "2");
    send("MECH", "PLAIN", "plaintext");
    send("MECH", "LOGIN", "plaintext");
    for (const fields of [["SPID", "1"], ["CUID", "1"], ["COOKIE", "00000000000000000000000000000000"], ["DONE"]]) send(...fields);

    /** What each login still under way has sent so far, and by which mechanism. */
    const logins = new Map<string, { mechanism: string; given: string[] }>();
    createInterface({ input: socket }).on("line", (line) => {
      const [command = "", id = "", ...fields] = line.split("\t");
      if (command === "AUTH") logins.set(id, { mechanism: fields[0] ?? "", given: [] });
      const login = logins.get(id);
      if (!login || (command !== "AUTH" && command !== "CONT")) return;
      const response = command === "CONT" ? fields[0] : fields.find((field) => field.startsWith("resp="))?.slice("resp=".length);
      if (response !== undefined) login.given.push(Buffer.from(response, "base64").toString("utf8"));
      const prompts = login.mechanism === "PLAIN" ? [""] : ["Username:", "Password:"];
      const prompt = prompts[login.given.length];
      if (prompt !== undefined) return send("CONT", id, Buffer.from(prompt).toString("base64"));
      logins.delete(id);
      const [user, pass] = login.mechanism === "PLAIN" ? (login.given[0] ?? "").split("\0").slice(1) : login.given;
      send(user === account.user && pass === account.pass ? "OK" : "FAIL", id, `user=${user}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    path: `inet:127.0.0.1:${port}`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
