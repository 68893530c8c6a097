// The API's table of contents: what it is built of, in the order in which a request meets it, and every operation.
import fastify from "fastify";
import { serializerCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import type { Log } from "../telemetry/logger.ts";
import { readBodies } from "./bodies.ts";
import { affordableBytes, limitBodies } from "./bodyBudget.ts";
import { createBounce } from "./bounces/createBounce.ts";
import { getBounce } from "./bounces/getBounce.ts";
import { listBounces } from "./bounces/listBounces.ts";
import { getCaptured } from "./captured/getCaptured.ts";
import { listCaptured } from "./captured/listCaptured.ts";
import { classifyText } from "./classify/classifyText.ts";
import { handleClientError } from "./clientErrors.ts";
import { closeInOrder } from "./closing.ts";
import { type ConnectionTimeouts, connectionTimeouts, limitConnections } from "./connections.ts";
import { dashboard } from "./dashboard/dashboard.ts";
import type { App, Dependencies } from "./dependencies.ts";
import { describeOperations, refuseUnguarded, serveDocumentation } from "./documentation.ts";
import { createErrorHandler } from "./errors.ts";
import { listEvents } from "./events/listEvents.ts";
import { streamEvents } from "./events/streamEvents.ts";
import { livez } from "./health/livez.ts";
import { readyz } from "./health/readyz.ts";
import { receiveNotification } from "./inbound/receiveNotification.ts";
import { validatorCompiler } from "./inputFaults.ts";
import { createKey } from "./keys/createKey.ts";
import { deleteKey } from "./keys/deleteKey.ts";
import { getCallersKey } from "./keys/getCallersKey.ts";
import { getKey } from "./keys/getKey.ts";
import { listKeys } from "./keys/listKeys.ts";
import { cancelMessage } from "./messages/cancelMessage.ts";
import { createBatch } from "./messages/createBatch.ts";
import { createMessage } from "./messages/createMessage.ts";
import { createRawMessage } from "./messages/createRawMessage.ts";
import { getMessage } from "./messages/getMessage.ts";
import { getMessageContent } from "./messages/getMessageContent.ts";
import { listMessageAttempts } from "./messages/listMessageAttempts.ts";
import { listMessageEvents } from "./messages/listMessageEvents.ts";
import { listMessages } from "./messages/listMessages.ts";
import { retryMessage } from "./messages/retryMessage.ts";
import { updateMessage } from "./messages/updateMessage.ts";
import { observeRequests } from "./observe.ts";
import { listRelays } from "./relays/listRelays.ts";
import { pauseRelay } from "./relays/pauseRelay.ts";
import { resumeRelay } from "./relays/resumeRelay.ts";
import { requestIdOf } from "./requestId.ts";
import { limitRequests } from "./requestQuota.ts";
import { securityHeaders } from "./securityHeaders.ts";
import { shedOverload } from "./shedding.ts";
import { getStats } from "./stats/getStats.ts";
import { createSuppression } from "./suppressions/createSuppression.ts";
import { deleteSuppression } from "./suppressions/deleteSuppression.ts";
import { exportSuppressions } from "./suppressions/exportSuppressions.ts";
import { getSuppression } from "./suppressions/getSuppression.ts";
import { importSuppressions } from "./suppressions/importSuppressions.ts";
import { listSuppressions } from "./suppressions/listSuppressions.ts";
import { traceRequests } from "./tracing.ts";
import { answerUnknownRoutes } from "./unknownRoutes.ts";
import { confirmUnsubscribe } from "./unsubscribe/confirmUnsubscribe.ts";
import { unsubscribe } from "./unsubscribe/unsubscribe.ts";
import { createWebhook } from "./webhooks/createWebhook.ts";
import { deleteWebhook } from "./webhooks/deleteWebhook.ts";
import { enableWebhook } from "./webhooks/enableWebhook.ts";
import { getWebhook } from "./webhooks/getWebhook.ts";
import { getWebhookDelivery } from "./webhooks/getWebhookDelivery.ts";
import { listWebhookDeliveries } from "./webhooks/listWebhookDeliveries.ts";
import { listWebhooks } from "./webhooks/listWebhooks.ts";
import { replayWebhook } from "./webhooks/replayWebhook.ts";
import { replayWebhookDelivery } from "./webhooks/replayWebhookDelivery.ts";
import { rotateWebhookSecret } from "./webhooks/rotateWebhookSecret.ts";
import { testWebhook } from "./webhooks/testWebhook.ts";
import { updateWebhook } from "./webhooks/updateWebhook.ts";

const operations: readonly ((app: App, dependencies: Dependencies) => void)[] = [
  createMessage,
  createBatch,
  createRawMessage,
  listMessages,
  getMessage,
  updateMessage,
  cancelMessage,
  retryMessage,
  listMessageEvents,
  listMessageAttempts,
  getMessageContent,
  listEvents,
  streamEvents,
  getStats,
  listSuppressions,
  createSuppression,
  importSuppressions,
  exportSuppressions,
  getSuppression,
  deleteSuppression,
  createWebhook,
  listWebhooks,
  getWebhook,
  updateWebhook,
  deleteWebhook,
  enableWebhook,
  rotateWebhookSecret,
  testWebhook,
  replayWebhook,
  listWebhookDeliveries,
  getWebhookDelivery,
  replayWebhookDelivery,
  createBounce,
  listBounces,
  getBounce,
  receiveNotification,
  classifyText,
  listKeys,
  createKey,
  getCallersKey,
  getKey,
  deleteKey,
  listRelays,
  pauseRelay,
  resumeRelay,
  listCaptured,
  getCaptured,
  confirmUnsubscribe,
  unsubscribe,
  livez,
  readyz,
];

/** Operations that take whole messages say so themselves. */
const bodyLimit = 1024 * 1024;
/** Longer than any address in percent-encoding. */
const pathPartCharactersMax = 1_024;

export type AppOptions = {
  log: Pick<Log, "debug" | "info" | "warn" | "error">;
  /** Of the product. */
  version: string;
  /** Others than the usual ones. */
  timeouts?: Partial<ConnectionTimeouts>;
};

/** Builds the API. It listens to nothing yet; `close` ends event streams and waits for requests under way, 10 s at most. */
export async function createApp(dependencies: Dependencies, { log, version, timeouts: changed }: AppOptions): Promise<App> {
  const { limits } = dependencies;
  const timeouts = { ...connectionTimeouts, ...changed };
  const handleError = createErrorHandler(log);
  const app: App = fastify({
    logger: false,
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: false,
    bodyLimit,
    requestTimeout: timeouts.request,
    connectionTimeout: timeouts.silence,
    keepAliveTimeout: timeouts.keepAlive,
    http: { headersTimeout: timeouts.headers, connectionsCheckingInterval: timeouts.check },
    forceCloseConnections: "idle",
    // A request that still came in is answered as ever, on a connection that then closes.
    return503OnClosing: false,
    routerOptions: { maxParamLength: pathPartCharactersMax },
    clientErrorHandler: handleClientError,
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(handleError);
  readBodies(app);
  limitRequests(app, dependencies);
  limitBodies(app, limits.bodiesBytesMax ?? affordableBytes());
  closeInOrder(app);
  limitConnections(app, {
    connections: limits.connections ?? Number.POSITIVE_INFINITY,
    answerMs: timeouts.answer,
    observeDropped: () => dependencies.observeDroppedConnection(),
  });
  if (dependencies.tracing) traceRequests(app, dependencies.tracing);
  observeRequests(app, dependencies, log);
  const everywhere = securityHeaders();
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id).headers(everywhere);
    done();
  });
  if (limits.eventLoopDelayMs !== undefined) shedOverload(app, limits.eventLoopDelayMs);
  answerUnknownRoutes(app);
  refuseUnguarded(app);
  await describeOperations(app);
  for (const add of operations) add(app, dependencies);
  dashboard(app, dependencies, { version });
  await serveDocumentation(app);
  return app;
}
