from uuid import UUID

import openapi_client as api
from scenario import SERVICE_URL, events_in, play, stored


class Client:
    def __init__(self, url):
        self.configuration = api.Configuration(host=url)
        self.connection = api.ApiClient(self.configuration)
        self.anyone = api.ApiClient(api.Configuration(host=url))

    def sign_up(self, email, password):
        body = api.CreateUserInput(provider="email", email=email, password=password)
        return api.UsersApi(self.anyone).create_user(body).data.email

    def log_in(self, email, password):
        tokens = api.AuthApi(self.anyone).login(api.LoginInput(email=email, password=password)).data
        self.configuration.access_token = tokens.access_token

    def fail_to_log_in(self, email):
        try:
            api.AuthApi(self.anyone).login(api.LoginInput(email=email, password="wrong"))
        except api.exceptions.UnauthorizedException as refused:
            error = refused.data.actual_instance
            assert isinstance(error, api.ErrorResponse)
            return error.code, error.message
        raise AssertionError("A wrong password logs in")

    def change_plan(self, plan):
        return api.PlansApi(self.connection).change_plan(plan).data.detail

    def upload(self, filename, content):
        file = api.UploadsApi(self.connection).upload_file((filename, content)).data
        return file.url, file.filename

    def create_conversation(self, title):
        body = api.CreateConversationInput(title=title)
        return api.ConversationsApi(self.connection).create_conversation(create_conversation_input=body).data.conversation_id

    def ask(self, conversation_id, message):
        body = api.ChatInput(conversation_id=conversation_id, message=message)
        return api.ChatApi(self.connection).chat(body).data.response

    def open_stream(self, message, **conversation):
        """The answer as it comes, since the generated function waits for its end."""
        body = api.ChatInput(message=message, **conversation)
        return api.ChatApi(self.connection).stream_chat_without_preload_content(body)

    def stream(self, conversation_id, message):
        return None, events_in(self.open_stream(message, conversation_id=conversation_id))

    def resume(self, message_id, after):
        messages = api.MessagesApi(self.connection)
        return events_in(messages.stream_reply_without_preload_content(UUID(message_id), after=after))

    def stop(self, _, message):
        answer = self.open_stream(message)
        text = next(events_in(answer))["text"]
        answer.close()
        return text

    def messages(self, conversation_id):
        messages = api.MessagesApi(self.connection).list_messages(conversation_id).data
        return [{**stored(each), "text": each.content["text"]} for each in messages]

    def delete_conversation(self, conversation_id):
        return api.ConversationsApi(self.connection).delete_conversation(conversation_id).data.title


play(Client(f"{SERVICE_URL}/api/v1"))
