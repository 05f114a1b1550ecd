// The Prisma CLI requires these three exports. Its schema engine is ../schema-engine.mjs, so there is nothing to download.
const { devDependencies } = require('../../../package.json');

module.exports = {
  enginesVersion: devDependencies['@prisma/schema-engine-wasm'],
  getEnginesPath: () => __dirname,
  ensureNeededBinariesExist: async () => {},
};
