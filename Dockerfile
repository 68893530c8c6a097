# The image of the gateway: built with everything, shipped with what it needs to run, as an ordinary user.
# Every RUN works without root and inside the working folder: the test suite repeats these steps where there is no engine.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.client.json ./
COPY .ci/build.mjs .ci/bundleDashboard.mjs .ci/bundleServer.mjs .ci/notices.mjs .ci/
COPY src src
RUN npm run build
# The runtime stage runs nothing: its empty data folder is made here.
RUN mkdir data

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Postern" \
      org.opencontainers.image.description="A gateway between HTTP and SMTP: post JSON, know what became of every recipient." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/dist dist
COPY --from=build --chown=10001:10001 /app/data /data
# A user id without an account has no home folder: /tmp and /data are all that it may write to.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    POSTERN_DATA_DIR=/data \
    HOME=/tmp
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# API and dashboard; metrics and probes; reports that come back by SMTP.
EXPOSE 8080 9464 2525
# Every role answers on the metrics port; where that is turned off, the API answers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "const { HOST: host = '127.0.0.1', PORT: api = '8080', METRICS_PORT: metrics = '9464' } = process.env; fetch(`http://${host.includes(':') ? `[${host}]` : host}:${metrics === '0' ? api : metrics}/livez`, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# No init process is needed: the program handles SIGTERM and SIGINT itself, as process 1 too, and waits for every child that it starts.
ENTRYPOINT ["node", "dist/main.js"]
CMD ["start"]
