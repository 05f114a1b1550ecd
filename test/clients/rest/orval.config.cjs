module.exports = {
  service: {
    input: process.env.OPENAPI_DOCUMENT,
    output: {
      target: '../generated/orval/api.ts',
      client: 'fetch',
      override: { mutator: { path: './orval-call.ts', name: 'call' } },
    },
  },
};
