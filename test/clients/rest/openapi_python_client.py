from io import BytesIO
from uuid import UUID

from flynkle import AuthenticatedClient, models
from flynkle import Client as AnonymousClient
from flynkle.api.auth import login
from flynkle.api.chat import chat, stream_chat
from flynkle.api.conversations import create_conversation, delete_conversation
from flynkle.api.messages import list_messages, stream_reply
from flynkle.api.plans import change_plan
from flynkle.api.uploads import upload_file
from flynkle.api.users import create_user
from flynkle.types import File
from scenario import SERVICE_URL, events_in, play, stored


def good(answer, kind):
    assert isinstance(answer, kind), answer
    return answer.data


class Client:
    def __init__(self, url):
        self.url = url
        self.anyone = AnonymousClient(base_url=url)

    def sign_up(self, email, password):
        body = models.CreateUserInput(provider="email", email=email, password=password)
        return good(create_user.sync(client=self.anyone, body=body), models.UserResponse).email

    def log_in(self, email, password):
        answer = login.sync(client=self.anyone, body=models.LoginInput(email=email, password=password))
        token = good(answer, models.TokensResponse).access_token
        self.client = AuthenticatedClient(base_url=self.url, token=token)

    def fail_to_log_in(self, email):
        answer = login.sync(client=self.anyone, body=models.LoginInput(email=email, password="wrong"))
        assert isinstance(answer, models.ErrorResponse), answer
        return answer.code, answer.message

    def change_plan(self, plan):
        return good(change_plan.sync(client=self.client, plan=plan), models.PlanChangeResponse).detail

    def upload(self, filename, content):
        body = models.UploadFileInput(file=File(payload=BytesIO(content), file_name=filename))
        file = good(upload_file.sync(client=self.client, body=body), models.UploadedFileResponse)
        return file.url, file.filename

    def create_conversation(self, title):
        answer = create_conversation.sync(client=self.client, body=models.CreateConversationInput(title=title))
        return good(answer, models.ConversationResponse).conversation_id

    def ask(self, conversation_id, message):
        body = models.ChatInput(conversation_id=conversation_id, message=message)
        return good(chat.sync(client=self.client, body=body), models.ChatResultResponse).response

    def open_stream(self, request):
        """The lines of the answer as they come, since the generated function waits for its end."""
        with self.client.get_httpx_client().stream(**request, timeout=None) as answer:
            assert answer.status_code == 200, answer.read()
            yield from answer.iter_lines()

    def stream(self, conversation_id, message):
        body = models.ChatInput(conversation_id=conversation_id, message=message)
        return None, events_in(self.open_stream(stream_chat._get_kwargs(body=body)))

    def resume(self, message_id, after):
        return events_in(self.open_stream(stream_reply._get_kwargs(UUID(message_id), after=after)))

    def stop(self, _, message):
        lines = self.open_stream(stream_chat._get_kwargs(body=models.ChatInput(message=message)))
        text = next(events_in(lines))["text"]
        lines.close()
        return text

    def messages(self, conversation_id):
        messages = good(list_messages.sync(conversation_id, client=self.client), models.MessageListResponse)
        return [{**stored(each), "text": each.content["text"]} for each in messages]

    def delete_conversation(self, conversation_id):
        return good(delete_conversation.sync(conversation_id, client=self.client), models.ConversationResponse).title


play(Client(f"{SERVICE_URL}/api/v1"))
