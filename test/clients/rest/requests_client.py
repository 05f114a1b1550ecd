"""By hand, with `requests`; a stream is resumed by `Last-Event-ID`."""

import requests
from scenario import SERVICE_URL, events_in, play


class Client:
    def __init__(self, url):
        self.url = url
        self.session = requests.Session()

    def call(self, method, path, **options):
        answer = self.session.request(method, f"{self.url}{path}", timeout=None, **options)
        assert answer.status_code == 200, answer.text
        return answer

    def data(self, method, path, **options):
        return self.call(method, path, **options).json()["data"]

    def sign_up(self, email, password):
        return self.data("POST", "/users", json={"provider": "email", "email": email, "password": password})["email"]

    def fail_to_log_in(self, email):
        answer = self.session.post(f"{self.url}/auth/login", json={"email": email, "password": "wrong"})
        assert answer.status_code == answer.json()["code"], answer.text
        return answer.json()["code"], answer.json()["message"]

    def log_in(self, email, password):
        tokens = self.data("POST", "/auth/login", json={"email": email, "password": password})
        self.session.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def change_plan(self, plan):
        return self.data("POST", "/user/upgrade", params={"plan": plan})["detail"]

    def upload(self, filename, content):
        file = self.data("POST", "/uploads", files={"file": (filename, content, "text/plain")})
        return file["url"], file["filename"]

    def create_conversation(self, title):
        return self.data("POST", "/conversations", json={"title": title})["conversation_id"]

    def ask(self, conversation_id, message):
        return self.data("POST", "/chat", json={"conversation_id": conversation_id, "message": message})["response"]

    def open_stream(self, **body):
        accept = {"Accept": "text/event-stream"}
        return self.call("POST", "/chat?stream=True", json=body, headers=accept, stream=True)

    def stream(self, conversation_id, message):
        answer = self.open_stream(conversation_id=conversation_id, message=message)
        return None, events_in(answer.iter_lines())

    def resume(self, message_id, after):
        headers = {"Last-Event-ID": str(after)}
        return events_in(self.call("GET", f"/messages/{message_id}/stream", headers=headers, stream=True).iter_lines())

    def stop(self, _, message):
        with self.open_stream(message=message) as answer:
            return next(events_in(answer.iter_lines()))["text"]

    def messages(self, conversation_id):
        messages = self.data("GET", f"/conversations/{conversation_id}/messages")
        return [
            {
                "id": each["message_id"],
                "type": each["message_type"],
                "status": each["status"],
                "text": each["content"]["text"],
            }
            for each in messages
        ]

    def delete_conversation(self, conversation_id):
        return self.data("DELETE", f"/conversations/{conversation_id}")["title"]


play(Client(f"{SERVICE_URL}/api/v1"))
