/** The account that GraphiQL, the reference at `/docs` and the documentation make and log in with. */
export const EXAMPLE_ACCOUNT = { email: 'ada@example.com', password: 'correct horse battery staple' } as const;
