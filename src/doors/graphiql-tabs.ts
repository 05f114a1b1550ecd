import { EXAMPLE_ACCOUNT } from './example-account.js';

/** The example operations in GraphiQL's tabs, in the order to run them: from an account to a reply that streams. */
export const GRAPHIQL_TABS = [
  {
    query: `# 1. Create an account, then log in: the
# run button asks which operation. The
# token is kept for the other tabs.

mutation CreateAccount {
  createUser(
    input: {
      provider: "email"
      email: "${EXAMPLE_ACCOUNT.email}"
      password: "${EXAMPLE_ACCOUNT.password}"
    }
  ) {
    id
    email
    plan { name dailyMessages dailyTokens }
  }
}

mutation LogIn {
  login(
    input: {
      email: "${EXAMPLE_ACCOUNT.email}"
      password: "${EXAMPLE_ACCOUNT.password}"
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
    query: `# 2. Talk to the model. Ids of what you
# make here are filled into variables
# that are empty.

query Me {
  me {
    id
    email
    plan { name }
    conversations(first: 5) {
      nodes { id title }
    }
  }
}

mutation OpenConversation {
  createConversation(
    input: { title: "First steps" }
  ) {
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

# messageId is the id of the reply to the
# last message that you sent.
subscription FollowReply($messageId: ID!) {
  reply(messageId: $messageId) {
    ... on ReplyDelta { sequence text }
    ... on ReplyReasoning { sequence text }
    ... on ReplyCompleted { sequence response tokens }
    ... on ReplyFailed { sequence code reason partial }
  }
}

# Another answer beside the first. To
# follow it, make its id the messageId.
mutation Regenerate($messageId: ID!) {
  regenerateReply(messageId: $messageId) {
    id
    status
    siblings {
      index
      totalCount
      nodes { id text }
    }
  }
}

# Back to the first, by its id.
mutation SelectBranch($messageId: ID!) {
  selectBranch(messageId: $messageId) {
    currentLeaf { id }
    messages(last: 4) {
      nodes { id text }
    }
  }
}

# The models that you can choose from.
query Models {
  models {
    name
    isAllowed
    isDefault
    price { prompt completion currency }
  }
}

# Or ask once, and store nothing. Name
# another model to ask that one.
subscription Ask {
  chat(
    input: {
      message: "What can you do?"
      model: null
    }
  ) {
    ... on ReplyDelta { text }
    ... on ReplyCompleted {
      response
      tokens
      generation {
        model
        cost
        firstTextMs
        finishReason
      }
    }
    ... on ReplyFailed { code reason }
  }
}
`,
    variables: '{\n  "conversationId": "",\n  "messageId": ""\n}',
    headers: '',
  },
] as const;
