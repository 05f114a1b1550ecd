/** The example operations in GraphiQL's tabs, in the order to run them: from an account to a reply that streams. */
export const GRAPHIQL_TABS = [
  {
    query: `# 1. Create an account, then log in.
# The run button asks which operation.

mutation CreateAccount {
  createUser(
    input: {
      provider: "email"
      email: "ada@example.com"
      password: "correct horse battery"
    }
  ) {
    id
    email
    plan { name dailyMessages dailyTokens }
  }
}

# Then copy the accessToken into the
# headers of the next tab.
mutation LogIn {
  login(
    input: {
      email: "ada@example.com"
      password: "correct horse battery"
    }
  ) {
    accessToken
    refreshToken
    expiresIn
  }
}
`,
    variables: '',
    headers: '',
  },
  {
    query: `# 2. Talk to the model. The access token
# goes into the headers, the ids of the
# answers into the variables.

query Me {
  me {
    id
    email
    plan { name }
    conversations(first: 5) { nodes { id title } }
  }
}

mutation OpenConversation {
  createConversation(input: { title: "First steps" }) {
    id
    title
  }
}

mutation SendMessage($conversationId: ID!) {
  createMessage(
    input: {
      conversationId: $conversationId
      content: { text: "Hello!" }
      messageType: "user"
      invokeLlm: true
    }
  ) {
    message { id text }
    reply { id status }
  }
}

# messageId is the id of the reply.
subscription FollowReply($messageId: ID!) {
  reply(messageId: $messageId) {
    ... on ReplyDelta { sequence text }
    ... on ReplyCompleted { sequence response tokens }
    ... on ReplyFailed { sequence code reason partial }
  }
}

# Or ask once, and store nothing.
subscription Ask {
  chat(input: { message: "What can you do?" }) {
    ... on ReplyDelta { text }
    ... on ReplyCompleted { response tokens }
    ... on ReplyFailed { code reason }
  }
}
`,
    variables: '{\n  "conversationId": "",\n  "messageId": ""\n}',
    headers: '{\n  "Authorization": "Bearer "\n}',
  },
] as const;
