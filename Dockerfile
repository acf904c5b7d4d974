# One image for all three roles; docker-compose.yml gives each just what it needs.
# One version, to the last digit: 24.19 to 24.21 do not suit (docs/OPERATIONS.md, "Which Node.js").
ARG NODE_IMAGE=node:24.18.1-bookworm-slim

FROM ${NODE_IMAGE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 make g++ \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
# pkcs11js, for CA keys in a token, is compiled: with the headers of this image's own Node.
RUN npm ci --ignore-scripts && npm rebuild better-sqlite3 && npm rebuild --nodedir=/usr/local pkcs11js
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Gatehouse" org.opencontainers.image.licenses="Apache-2.0"
# Two unprivileged users: the broker's may read what enroll's shares with the group, and write nothing of it.
# The folders exist with their owners, so that volumes mounted over them have them too.
RUN groupadd --system --gid 10001 gatehouse \
 && useradd --system --uid 10001 --gid gatehouse --home-dir /data gatehouse \
 && useradd --system --uid 10002 --gid gatehouse --home-dir /data gatehouse-broker \
 && install -d -o gatehouse -g gatehouse -m 0755 /data /data/tls /data/public \
 && install -d -o gatehouse -g gatehouse -m 0700 /data/ca /data/crls /data/archive /data/operator /data/tls/enroll /data/sim \
 && install -d -o gatehouse -g gatehouse -m 2750 /data/registry /data/tls/broker \
 && install -d -o gatehouse-broker -g gatehouse -m 2750 /data/reports \
 && install -d -o gatehouse-broker -g gatehouse -m 0700 /data/sessions
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
COPY --from=build /app/node_modules ./node_modules
USER gatehouse
ENV NODE_ENV=production OPENSSL_CONF=/app/bin/openssl.cnf GATEHOUSE_DATA=/data GATEHOUSE_HEALTH_URL=http://127.0.0.1:8080/health
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(process.env.GATEHOUSE_HEALTH_URL).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/gatehouse.js"]
CMD ["enroll"]
