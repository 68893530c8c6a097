// The loop itself, in a process of its own. Run by `startWorkshop`.
import { createTransport } from "nodemailer";
import { nodemailerMail, type RecipeName, recipeOf } from "../recipes.ts";
import { serveOrders } from "../workshop.ts";

export type NodemailerOrder = {
  recipe: RecipeName;
  messages: number;
  relay: { port: number; login?: { user: string; pass: string }; ca?: string };
  dkim?: { domainName: string; keySelector: string; privateKey: string };
};

const connections = 20;

function transportOf({ relay: { port, login, ca }, dkim }: NodemailerOrder) {
  return createTransport({
    pool: true,
    maxConnections: connections,
    host: "127.0.0.1",
    port,
    ...(ca ? { secure: true, tls: { ca } } : { ignoreTLS: true }),
    ...(login && { auth: login }),
    ...(dkim && { dkim }),
  });
}

let pool: ReturnType<typeof transportOf> | undefined;

serveOrders<NodemailerOrder, Record<never, never>>(async (order) => {
  // The pool's connections outlive an order, as they would in a program that runs for long.
  pool ??= transportOf(order);
  const transport = pool;
  const mail = nodemailerMail(recipeOf(order.recipe));
  let left = order.messages;
  const sendOn = async () => {
    while (left-- > 0) await transport.sendMail(mail);
  };
  // Two for each connection, so that none waits for the loop.
  await Promise.all(Array.from({ length: 2 * connections }, sendOn));
  return {};
});
