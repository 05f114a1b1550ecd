FROM node:24-slim AS build
WORKDIR /app

# The packages come first, since they change less often than the code. Without their install scripts, which would only
# download things that this image has.
COPY package.json package-lock.json .npmrc ./
COPY tools/prisma/engines tools/prisma/engines
RUN npm ci --ignore-scripts

COPY . .
# The built program contains what it needs of the development packages: see bundlePrismaClient in tools/build.ts.
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data

COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/prisma/migrations prisma/migrations
COPY --from=build /app/schema/*.json schema/
COPY --from=build /app/dist dist
RUN install --directory --owner=node /data

USER node
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "--eval", \
  "fetch(`http://127.0.0.1:${process.env.PORT}/api/v1/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
