"""The HTTP API over a small real model: every endpoint, every refusal, and OpenAI's own client."""

import json
import time

import pytest
from starlette.testclient import TestClient

from engine.assistant import Assistant
from engine.config import TrainingConfig
from engine.formats import open_model
from engine.ledger import Ledger
from engine.reference import Numpy
from engine.registry import find
from engine.versions import Versions
from workers.api import ROUTES, create_app
from workers.guard import Guard
from workers.service import Service
from workers.sqlite_store import SqliteStore

SOCKET = "ws://127.0.0.1:8321/ws/training"


def clock():
    return int(time.time() * 1000)


async def service_in(folder):
    store = SqliteStore(folder / "oneseek.sqlite")
    versions = Versions(store, Ledger(store, clock), "tiny", "OneSeek-1M-Zero", clock)
    config = TrainingConfig.preset("micro")
    file = open_model(find("tiny"))
    assistant = await Assistant.load(file, Numpy(), versions, config, rows=512)
    file.close()
    service = Service(store, assistant, "tiny", ["tiny"], clock)
    await service.queue.load()
    return service


@pytest.fixture
def app(tmp_path):
    return create_app(lambda: service_in(tmp_path))


@pytest.fixture
def client(app):
    with TestClient(Guard(app), base_url="http://127.0.0.1:8321") as client:
        yield client


def test_health_metrics_and_documents_answer(client):
    health = client.get("/healthz").json()
    assert (health["status"], health["version"], health["back_end"]) == ("ok", "v0", "numpy")
    assert "oneseek_answers_total 0" in client.get("/metrics").text
    paths = client.get("/openapi.json").json()["paths"]
    assert {r.path.replace(":int}", "}") for r in ROUTES if hasattr(r, "methods")} == set(paths)
    page = client.get("/docs").text
    assert "/v1/chat/completions" in page and "http" not in page.replace("https://", "http://x")[:0]


def test_a_chat_completion_has_openais_shape(client):
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hej!"}], "max_tokens": 5,
            "temperature": 0}  # fmt: skip
    answer = client.post("/v1/chat/completions", json=body).json()
    (choice,) = answer["choices"]
    assert choice["message"]["role"] == "assistant" and choice["finish_reason"] in (
        "stop",
        "length",
    )
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    again = client.post("/v1/chat/completions", json=body).json()
    assert again["choices"][0]["message"] == choice["message"]


def test_a_stream_says_the_same_as_the_whole_and_ends_with_usage(client):
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8,
            "temperature": 0}  # fmt: skip
    whole = client.post("/v1/chat/completions", json=body).json()
    asked = body | {"stream": True, "stream_options": {"include_usage": True}}
    text, usage = "", None
    with client.stream("POST", "/v1/chat/completions", json=asked) as response:
        lines = [line for line in response.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    for line in lines[:-1]:
        chunk = json.loads(line.removeprefix("data: "))
        for choice in chunk["choices"]:
            text += choice["delta"].get("content", "")
        usage = chunk.get("usage", usage)
    assert text == whole["choices"][0]["message"]["content"] and usage == whole["usage"]


def test_log_probabilities_come_with_the_alternatives(client):
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3,
            "temperature": 0, "logprobs": True, "top_logprobs": 2}  # fmt: skip
    choice = client.post("/v1/chat/completions", json=body).json()["choices"][0]
    for entry in choice["logprobs"]["content"]:
        assert len(entry["top_logprobs"]) == 2 and entry["logprob"] <= 0
        assert entry["logprob"] == max(one["logprob"] for one in entry["top_logprobs"])


@pytest.mark.parametrize(
    "change,words",
    [
        ({"messages": []}, "must not be empty"),
        ({"messages": "hi"}, "must be a list"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "needs a role"),
        ({"temperature": 9}, "from 0 to 2"),
        ({"stop": [1]}, "stop is"),
        ({"model": 3}, "must be a text"),
        ({"messages": [{"role": "user", "content": "long " * 20000}]}, "Shorten it"),
    ],
)
def test_a_wrong_completion_is_told_what_is_wrong(client, change, words):
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]} | change
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400 and words in response.json()["error"]["message"]


def test_an_unknown_model_and_an_unknown_path_are_404(client):
    body = {"model": "gpt-9", "messages": [{"role": "user", "content": "Hi"}]}
    assert client.post("/v1/chat/completions", json=body).status_code == 404
    assert client.get("/nothing/here").status_code == 404
    assert client.get("/api/training/run-1/leaderboard").status_code == 404


def test_micro_training_accepts_counts_and_limits(client):
    body = {"question": "What is the capital of Sweden?",
            "raw_responses": [{"model": "a", "response": "Stockholm."}]}  # fmt: skip
    response = client.post("/api/training/micro", json=body)
    assert response.status_code == 202 and response.json()["question_number"] == 1
    assert client.get("/api/training/micro/stats").json()["total_runs"] == 1
    assert client.get("/api/training/micro/status").json()["waiting"] == 1
    statuses = [client.post("/api/training/micro", json=body).status_code for _ in range(30)]
    assert statuses[:29] == [202] * 29 and statuses[29] == 429
    limited = client.post("/api/training/micro", json=body)
    assert int(limited.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "body",
    [
        {"raw_responses": []},
        {"question": "  ", "raw_responses": []},
        {"question": "x", "raw_responses": "y"},
        {"question": "x", "raw_responses": [{"model": "a"}]},
    ],
)
def test_micro_training_refuses_what_says_nothing(client, body):
    assert client.post("/api/training/micro", json=body).status_code == 400


def test_the_queue_takes_shows_and_gives_up_items(client):
    made = client.post("/api/queue", json={"prompt": "What is my cat called?", "answer": "Misse."})
    assert made.status_code == 201
    id = made.json()["item"]["id"]
    assert [one["id"] for one in client.get("/api/queue").json()["items"]] == [id]
    assert client.delete(f"/api/queue/{id}").status_code == 200
    assert client.get("/api/queue").json()["items"] == []


def test_an_imported_text_waits_for_approval(client):
    text = "The town of Quillmere was founded by Otto Brannigan in 1712. It lies by a lake."
    made = client.post("/api/import", json={"text": text, "title": "Quillmere"}).json()
    assert made["examples_generated"] > 0
    assert client.get("/api/queue").json()["stats"]["by_state"] == {
        "held": made["examples_generated"]
    }


def test_metrics_from_outside_are_kept_under_their_run(client):
    run = "run-20260101-000000"
    added = client.post(f"/api/training/{run}/metrics", json={"step": 1, "loss": 2.5})
    assert added.status_code == 201
    assert client.get(f"/api/training/{run}/metrics").json()["metrics"][0]["loss"] == 2.5
    assert client.post(f"/api/training/{run}/metrics", json={"loss": 1}).status_code == 400


def test_old_names_answer_the_same_and_say_that_they_will_go(client):
    old, new = client.get("/api/oqt/metrics"), client.get("/api/training/micro/stats")
    assert old.json() == new.json() and old.headers["Deprecation"] == "true"
    answer = client.post("/api/oqt/query", json={"question": "Hej!"})
    assert answer.status_code == 200 and answer.headers["Deprecation"] == "true"
    assert client.get("/api/oqt/ledger/verify").json() == {"ok": True, "findings": []}


def test_a_run_without_models_says_so(client):
    response = client.post("/api/admin/training/start-dna-v2", json={"epochs": 1})
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "No base models selected"


def test_reset_needs_the_word(client):
    assert client.post("/api/models/reset", json={}).status_code == 400
    assert client.post("/api/models/reset", json={"confirmation": "RESET"}).status_code == 200


def test_versions_are_empty_before_anything_was_learned(client):
    assert client.get("/api/models/versions").json() == {"current": 0, "versions": []}
    assert client.post("/api/models/rollback").status_code == 409
    assert client.get("/api/models/versions/7/verify").status_code in (404, 409)


def test_the_training_socket_begins_with_the_state(client):
    with client.websocket_connect("ws://127.0.0.1:8321/ws/training?runId=none") as socket:
        assert socket.receive_json()["type"] == "initial_state"


@pytest.mark.parametrize(
    "headers,status",
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Content-Length": "99999999"}, 413),
        ({"Host": "127.0.0.1.evil.example"}, 403),
    ],
)
def test_R35_foreign_hosts_origins_and_giants_are_refused(client, headers, status):
    assert client.post("/api/queue", json={}, headers=headers).status_code == status


def test_R35_a_foreign_page_cannot_open_the_socket(client):
    with pytest.raises(Exception) as refused:
        with client.websocket_connect(SOCKET, headers={"Origin": "https://evil.example"}):
            raise AssertionError("the socket was opened")
    assert "AssertionError" not in repr(refused.type)


def test_R35_where_a_key_is_set_it_is_needed(app):
    guarded = Guard(app, key="secret")
    with TestClient(guarded, base_url="http://127.0.0.1:8321") as client:
        assert client.get("/v1/models").status_code == 401
        given = {"Authorization": "Bearer secret"}
        assert client.get("/v1/models", headers=given).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_bodies_that_are_no_json_are_400_never_500(client):
    for body in (b"{", b"\xff\xfe", b"[]", b'"x"', b"[" * 5000, b'{"question": NaN}'):
        for path in ("/api/training/micro", "/v1/chat/completions", "/api/queue", "/api/import"):
            assert client.post(path, content=body).status_code in (400, 429), (path, body[:9])
