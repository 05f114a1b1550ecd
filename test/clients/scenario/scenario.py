"""The scenario of every Python client, as scenario.ts has it: what it does, and what it prints for the test to compare."""

import json
import os
import urllib.request

SERVICE_URL = os.environ.get("SERVICE_URL", "")
STAGE_URL = os.environ.get("STAGE_URL", "")
EMAIL = os.environ.get("EMAIL", "")
PASSWORD = "correct horse battery staple"
# What the model says before it waits.
BEFORE_CUT = "Try Madeira "


def play(client):
    email = client.sign_up(EMAIL, PASSWORD)
    code, message = client.fail_to_log_in(EMAIL)
    client.log_in(EMAIL, PASSWORD)
    plan = client.change_plan("pro")
    url, filename = client.upload("notes.txt", b"what it says")
    with urllib.request.urlopen(url) as answer:
        file_text = answer.read().decode()
    conversation_id = client.create_conversation("Holiday plans")
    answer = client.ask(conversation_id, "Hello?")
    streamed = stream_with_cut(client, conversation_id)
    stopped = client.stop(conversation_id, "And then?")
    messages = client.messages(conversation_id)
    assert messages[3]["text"] == streamed, messages
    result = {
        "email": email,
        "refused": {"code": code, "message": message},
        "plan": plan,
        "filename": filename,
        "fileText": file_text,
        "answer": answer,
        "streamed": streamed,
        "stopped": stopped,
        "messages": [[each["type"], each["status"].lower(), each["text"]] for each in messages],
        "deleted": client.delete_conversation(conversation_id),
    }
    print(json.dumps(result))


def stream_with_cut(client, conversation_id):
    """Follows an answer over a connection that breaks, and over another one to its end. Its text."""
    seen = []
    is_cut = False
    message_id, events = client.stream(conversation_id, "Where is it warm in March?")
    try:
        for event in events:
            seen.append(event)
            if not is_cut and text_of(seen) == BEFORE_CUT:
                is_cut = True
                cut()
    except Exception:
        if not is_cut:
            raise
    assert is_cut, seen
    assert "response" not in seen[-1], seen
    if message_id is None:
        message_id = client.messages(conversation_id)[-1]["id"]
    seen += client.resume(message_id, seen[-1]["sequence"])
    assert [event["sequence"] for event in seen] == list(range(1, len(seen) + 1)), seen
    assert seen[-1].get("response") == text_of(seen), seen
    return text_of(seen)


def cut():
    """Breaks every connection with the service; then the model goes on."""
    urllib.request.urlopen(urllib.request.Request(f"{STAGE_URL}/cut", method="POST")).close()


def text_of(events):
    return "".join(event.get("text", "") for event in events)


def events_in(lines):
    """The events of a REST stream, whose lines come as bytes or as text."""
    for line in lines:
        text = line.decode() if isinstance(line, bytes) else line
        if text.startswith("data: "):
            yield json.loads(text[len("data: ") :])


def stored(message):
    """A message of a client that has its fields as attributes, as scenario.ts reads it."""
    return {"id": str(message.message_id), "type": message.message_type, "status": str(message.status)}
