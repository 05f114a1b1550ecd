"""gql for Python: aiohttp for requests and uploads, websockets for subscriptions."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from gql import Client as GraphQLClient
from gql import FileVar, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from scenario import SERVICE_URL, play

PAGE_SIZE = 4

SIGN_UP = gql("mutation ($input: CreateUserInput!) { createUser(input: $input) { email } }")
LOG_IN = gql("mutation ($input: LoginInput!) { login(input: $input) { accessToken } }")
CHANGE_PLAN = gql("mutation ($plan: ID!) { changePlan(plan: $plan) { plan { id } } }")
UPLOAD = gql("mutation ($file: Upload!) { uploadFile(file: $file) { url filename } }")
CREATE_CONVERSATION = gql("mutation ($input: CreateConversationInput!) { createConversation(input: $input) { id } }")
CHAT = gql("mutation ($input: ChatInput!) { chat(input: $input) { response } }")
ASK = gql("mutation ($input: CreateMessageInput!) { createMessage(input: $input) { reply { id } } }")
REPLY = gql(
    """subscription ($id: ID!, $after: Int) {
      reply(messageId: $id, after: $after) {
        ... on ReplyDelta { sequence text }
        ... on ReplyCompleted { sequence response }
        ... on ReplyFailed { sequence code }
      }
    }"""
)
STOP = gql("mutation ($id: ID!) { stopReply(messageId: $id) { status } }")
MESSAGES = gql(
    """query ($id: ID!, $first: Int!, $after: String) {
      messages(conversationId: $id, first: $first, after: $after) {
        nodes { id messageType status text }
        pageInfo { hasNextPage endCursor }
      }
    }"""
)
DELETE_CONVERSATION = gql("mutation ($id: ID!) { deleteConversation(id: $id) { title } }")


class Client:
    def __init__(self, url):
        self.url = url
        self.headers = {}

    def client(self, transport):
        # Documents are checked against the schema that the service tells of itself.
        return GraphQLClient(transport=transport, fetch_schema_from_transport=True, execute_timeout=None)

    def send(self, document, upload_files=False, **variables):
        document.variable_values = variables
        transport = AIOHTTPTransport(url=self.url, headers=self.headers)
        return self.client(transport).execute(document, upload_files=upload_files)

    def sign_up(self, email, password):
        account = {"provider": "email", "email": email, "password": password}
        return self.send(SIGN_UP, input=account)["createUser"]["email"]

    def fail_to_log_in(self, email):
        try:
            self.send(LOG_IN, input={"email": email, "password": "wrong"})
        except TransportQueryError as refused:
            (error,) = refused.errors
            return error["extensions"]["code"], error["message"]
        raise AssertionError("A wrong password logs in")

    def log_in(self, email, password):
        token = self.send(LOG_IN, input={"email": email, "password": password})["login"]["accessToken"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def change_plan(self, plan):
        return self.send(CHANGE_PLAN, plan=plan)["changePlan"]["plan"]["id"]

    def upload(self, filename, content):
        variable = FileVar(BytesIO(content), filename=filename, content_type="text/plain")
        file = self.send(UPLOAD, upload_files=True, file=variable)["uploadFile"]
        return file["url"], file["filename"]

    def create_conversation(self, title):
        return self.send(CREATE_CONVERSATION, input={"title": title})["createConversation"]["id"]

    def ask(self, conversation_id, message):
        return self.send(CHAT, input={"conversationId": conversation_id, "message": message})["chat"]["response"]

    def ask_for_reply(self, conversation_id, text):
        content = {"content": {"text": text}, "messageType": "user", "invokeLlm": True}
        return self.send(ASK, input={"conversationId": conversation_id, **content})["createMessage"]["reply"]["id"]

    def follow(self, message_id, after):
        transport = WebsocketsTransport(url=self.url.replace("http", "ws"), init_payload={"headers": self.headers})
        REPLY.variable_values = {"id": message_id, "after": after}
        for result in self.client(transport).subscribe(REPLY):
            yield result["reply"]

    def stream(self, conversation_id, message):
        message_id = self.ask_for_reply(conversation_id, message)
        return message_id, self.follow(message_id, 0)

    def resume(self, message_id, after):
        return self.follow(message_id, after)

    def stop(self, conversation_id, message):
        message_id = self.ask_for_reply(conversation_id, message)
        text = ""
        event = {}
        for event in self.follow(message_id, 0):
            if "text" in event and text == "":
                # `execute` runs an event loop of its own, and one is running here.
                assert in_thread(lambda: self.send(STOP, id=message_id))["stopReply"]["status"] == "PARTIAL"
            text += event.get("text", "")
        assert event.get("code") == "STOPPED", event
        return text

    def messages(self, conversation_id):
        messages = []
        after = None
        while True:
            page = self.send(MESSAGES, id=conversation_id, first=PAGE_SIZE, after=after)["messages"]
            messages += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return [{"type": each["messageType"], **each} for each in messages]
            after = page["pageInfo"]["endCursor"]

    def delete_conversation(self, conversation_id):
        return self.send(DELETE_CONVERSATION, id=conversation_id)["deleteConversation"]["title"]


def in_thread(work):
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


play(Client(f"{SERVICE_URL}/graphql"))
