import { EXAMPLE_ACCOUNT } from '../example-account.js';

/** Parts of the OpenAPI document that do not come from routes. */
export interface Reference {
  readonly title: string;
  readonly description: string;
  /** Descriptions of the routes' tags, in reading order. */
  readonly tags: Readonly<Record<string, string>>;
  /** Other names of types in the document, by their names in the schema. */
  readonly schemaNames: Readonly<Record<string, string>>;
  /** Descriptions of parameters whose arguments have none, by the parameters' names. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Example values by field name, `Type.name` or `operationId.name`; other fields get an example of their type. */
  readonly examples: Readonly<Record<string, unknown>>;
  /** The optional fields that an example of a body has, by their names or as `operationId.name`: it can be sent as it stands. */
  readonly requested: readonly string[];
}

export const REFERENCE: Reference = {
  title: 'Flynkle API',
  description:
    'A chat service: accounts with plans, conversations, and answers of a language model, whole or as a stream. Every answer is the envelope `{"code", "message", "data"}`, whose `code` is the HTTP status; only streams and this document are not. No text may hold U+0000. The same service speaks GraphQL at `/graphql`.',
  tags: {
    Health: 'Whether the service works.',
    Auth: 'Sessions: logging in and out, tokens, lost passwords and e-mail verification.',
    'Second factor': 'What a login asks for beyond the password: codes of an authenticator app.',
    Passkeys: 'Logging in with what a phone, a computer or a security key holds (WebAuthn), without a password.',
    'Access tokens': 'What scripts and integrations send in place of a login, each with scopes of its own.',
    Users: 'Accounts.',
    Plans: 'What a user may use, and what they used.',
    Models: 'The models that can be asked, and what they cost.',
    Conversations: 'Dialogues of a user with the model.',
    Messages: 'What was said in a conversation.',
    Chat: 'Questions to the model.',
    Uploads: 'Files.',
    Announcements: 'What the operator tells everyone.',
    Admin: 'What administrators do with the accounts of others.',
  },
  schemaNames: { AuthTokens: 'Tokens', DailyUsage: 'Usage', RecoveryCodes: 'NewRecoveryCodes' },
  parameters: {
    user_id: "The user's id.",
    conversation_id: "The conversation's id.",
    message_id: "The message's id.",
    upload_id: "The file's id.",
    passkey_id: "The passkey's id.",
    token_id: "The personal access token's id.",
    mail_id: "The mail's id, as the list has it.",
    session_id: "The session's id.",
    identity_id: "The id of the provider's link.",
    ids: 'The ids of the conversations, each a parameter of its own: `ids=…&ids=…`.',
    'X-Refresh-Token': 'The refresh token that is traded in.',
  },
  examples: {
    email: EXAMPLE_ACCOUNT.email,
    phone_number: '+44 20 7946 0018',
    provider: 'email',
    provider_id: null,
    password: EXAMPLE_ACCOUNT.password,
    new_password: 'correct horse battery staple',
    current: EXAMPLE_ACCOUNT.password,
    'changePassword.new': 'purple elephants sing at noon',
    'ModelFailure.status': 400,
    otp: '493817',
    code: '493817',
    'finishPasskeyRegistration.credential': {
      id: 'k3Jm9v1S2nB8xQ0rT5uW7y',
      rawId: 'k3Jm9v1S2nB8xQ0rT5uW7y',
      type: 'public-key',
      response: {
        clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0',
        attestationObject: 'o2NmbXRkbm9uZWdhdHRTdG10oA',
        transports: ['internal'],
      },
    },
    'finishPasskeyLogin.credential': {
      id: 'k3Jm9v1S2nB8xQ0rT5uW7y',
      rawId: 'k3Jm9v1S2nB8xQ0rT5uW7y',
      type: 'public-key',
      response: {
        clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0',
        authenticatorData: 'SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2M',
        signature: 'MEUCIQDbYlU1ZgQ6X0r7d9k3m5p8s2v4x6z8B1D3F5H7J9',
        userHandle: 'T5uW7yk3Jm9v1S2nB8xQ0r',
      },
    },
    challenge: 'q4Zk0w9rTgXnJ1c5u8Hb2sLd7vYf3EoQmPiAxRtKzNU',
    secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    uri: 'otpauth://totp/Flynkle:ada%40example.com?issuer=Flynkle&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30',
    qr_code:
      'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=',
    recovery_codes: ['x7k2-9fmd-0qwe-r5t1', '3bn8-c0vz-h6yg-4jp7'],
    profile: { name: 'Ada' },
    plan: 'pro',
    is_suspended: false,
    is_admin: false,
    title: 'Holiday plans',
    status: 'open',
    'Health.status': 'ok',
    content: { text: 'Where is it warm in March?' },
    message: 'Where is it warm in March?',
    message_type: 'user',
    extra: null,
    invoke_llm: true,
    'submitToolResults.results': [{ call_id: 'call_1', output: '21 degrees' }],
    'createAnnouncement.text': 'Maintenance from 22:00 to 23:00 UTC',
    'adminRetryAllDeadMail.queue': 'one-time-code-mails',
    'adminCorrectUsage.messages': -1,
    'adminCorrectUsage.reason': 'The answer was of no use.',
    response: 'Try Madeira.',
    'undoAccountChange.token': '3mJx8vQ2nBs0rT5uW7yKd1cLpZ4fHgEaXoViRtNw9Sk',
    token: 'flk_pat_4Jv0QmPz8sYw1cTgXnL5uHb2rKd7fE38tfVB',
    'createPersonalAccessToken.name': 'nightly backup',
    scopes: ['conversations:read', 'chat'],
    last_four: 'tfVB',
    tokens: 58,
    'UserLimits.tokens': { used: 1_240, limit: 5_000, remaining: 3_760, resets_at: '2026-01-31T00:00:00.000Z' },
    access_token: 'eyJhbGciOiJIUzI1NiJ9.e30.XmNK3GpH3Ys_7wsYBfq4C3M6goz71I7dTgUkuIa5lyQ',
    refresh_token: '5Sz0mGyZ6Qq4v0x1lq0oZ2Jm2m3l5sYw0cYhJ8tqk3A.Jm0x1lqYw0o8tqZ2Gm4v3l5s0cYhJk3ASz6QqZ2yZ0q',
    model: 'gpt-4o-mini',
    'Health.model': 'configured',
    version: '1.0.0',
    filename: 'holiday.jpg',
    content_type: 'image/jpeg',
    size: 48_213,
    url: 'https://api.example.com/files/7hVb1Q0pS2mXr8uYc3kZ0A',
    q: 'holiday',
    search: 'ada@',
    ip_address: '203.0.113.7',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'AuditEvent.action': 'PLAN_CHANGED',
    'AuditEvent.details': { from: 'free', to: 'pro' },
  },
  requested: [
    'createUser.email',
    'adminCreateUser.email',
    'createInvitation.email',
    'phone_number',
    'changeEmail.password',
    'current',
    'startIdentityLink.password',
    'finishIdentityLink.code',
    'startPasskeyRegistration.password',
    'enrolSecondFactor.password',
    'createPersonalAccessToken.password',
    'refresh_token',
    'title',
    'status',
    'createMessage.invoke_llm',
    'updateMessage.content',
    'adminCorrectUsage.messages',
  ],
};
