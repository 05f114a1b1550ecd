# The version of Node that the suites run on: that of the package `node` in package.json. A tag can be moved, a digest cannot: add the
# digest that `docker buildx imagetools inspect node:24.21.0-bookworm-slim` shows, as node:24.21.0-bookworm-slim@sha256:….
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app

# The packages come first, since they change less often than the code. Without their install scripts, which would only
# download things that this image has.
COPY package.json package-lock.json .npmrc ./
COPY tools/prisma/engines tools/prisma/engines
RUN npm ci --ignore-scripts

COPY . .
RUN npm run assemble -- /assembled

FROM ${NODE_IMAGE}
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
# The C library keeps less of what it was given back: see docs/decisions/0054-the-program-is-a-bundle.md.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144

# `docker run --rm <image> admin help`
RUN install --directory --owner=1000 --group=1000 --mode=700 /data && ln -s /app/admin /usr/local/bin/admin
COPY --from=build /assembled ./

# The user `node`, by its number: Kubernetes can see then that it is not root.
USER 1000:1000
# Nothing else is written: the root file system may be read-only.
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "--eval", \
  "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
