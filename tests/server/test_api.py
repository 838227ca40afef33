"""The HTTP API, with the same tests for both hosts: every endpoint, every event, every error."""

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from oneseek.workers.server.api import ROUTES, TOLD
from oneseek.workers.server.guard import LIMIT
from oneseek.workers.server.headless import back_up, restore
from tests.support.hosts import InPage, Native, native
from tests.support.page import browser as in_browser

HELLO = {"model": "tiny", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 5}
GREEDY = HELLO | {"temperature": 0}
CHAT = "/v1/chat/completions"
RUN = "run-20260101-000000"


@contextlib.contextmanager
def page_of(request) -> Iterator[InPage]:
    chromium, address = request.getfixturevalue("chromium"), request.getfixturevalue("address")
    with in_browser.watched(chromium, address, service_workers="allow") as (context, watch):
        watch.allow("the server responded with a status of [45]")
        page = context.new_page()
        page.goto("/?model=tiny")
        in_browser.wait_for_state(page, "ready", timeout=120)
        in_browser.wait_for_offline(page)
        yield InPage(page)


@pytest.fixture(
    scope="module",
    params=["native", pytest.param("page", marks=[pytest.mark.slow, pytest.mark.long])],
)
def host(request, tmp_path_factory) -> Iterator[Native | InPage]:
    if request.param == "page":
        with page_of(request) as host:
            yield host
    else:
        with native(tmp_path_factory.mktemp("server")) as host:
            yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    """A server for what the page does not have: other names, keys, WebSockets."""
    with native(tmp_path_factory.mktemp("server"), key="secret") as host:
        yield host


def chunks(text: str) -> list[dict]:
    """The chunks of an OpenAI stream, without the end mark."""
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


# ---- OpenAI's endpoints


def test_models_are_the_versions_and_one_can_be_asked_for(host):
    listed = host.ask("GET", "/v1/models").json()
    assert listed["object"] == "list"
    assert [one["id"] for one in listed["data"]][:2] == ["tiny", "tiny:v0"]
    assert host.ask("GET", "/v1/models/tiny:v0").json() == listed["data"][1]
    assert host.ask("GET", "/v1/models/gpt-9").error["code"] == "model_not_found"


def test_a_completion_has_openais_shape_and_says_the_same_again(host):
    first = host.ask("POST", CHAT, GREEDY).json()
    (choice,) = first["choices"]
    assert first["object"] == "chat.completion" and first["id"].startswith("chatcmpl-")
    assert choice["message"]["role"] == "assistant" and choice["logprobs"] is None
    assert choice["finish_reason"] in ("stop", "length")
    usage = first["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    assert host.ask("POST", CHAT, GREEDY).json()["choices"] == first["choices"]


def test_a_stream_says_the_same_as_the_whole_and_ends_with_usage(host):
    whole = host.ask("POST", CHAT, GREEDY).json()
    streamed = GREEDY | {"stream": True, "stream_options": {"include_usage": True}}
    answer = host.ask("POST", CHAT, streamed)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *spoken, last = chunks(answer.text)
    said = "".join(one["choices"][0]["delta"].get("content", "") for one in spoken)
    assert said == whole["choices"][0]["message"]["content"]
    assert last["choices"] == [] and last["usage"] == whole["usage"]
    assert {one["object"] for one in spoken} == {"chat.completion.chunk"}
    assert spoken[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]


def test_the_same_seed_says_the_same_and_a_stop_ends_it(host):
    drawn = HELLO | {"temperature": 1.5, "seed": 7, "max_tokens": 12, "top_p": 0.99}
    first = host.ask("POST", CHAT, drawn).json()["choices"][0]["message"]["content"]
    assert host.ask("POST", CHAT, drawn).json()["choices"][0]["message"]["content"] == first
    seeds = [host.ask("POST", CHAT, drawn | {"seed": seed}).text for seed in (1, 2, 3)]
    others = [json.loads(text)["choices"][0]["message"]["content"] for text in seeds]
    assert any(other != first for other in others)
    letter = next(one for one in first if one.strip())
    stopped = host.ask("POST", CHAT, drawn | {"stop": [letter]}).json()["choices"][0]
    assert stopped["message"]["content"] == first.partition(letter)[0]
    assert stopped["finish_reason"] == "stop"


def test_log_probabilities_come_with_the_alternatives_whole_and_streamed(host):
    asked = GREEDY | {"logprobs": True, "top_logprobs": 2}
    whole = host.ask("POST", CHAT, asked).json()["choices"][0]["logprobs"]["content"]
    assert whole
    for entry in whole:
        assert len(entry["top_logprobs"]) == 2 and entry["logprob"] <= 0
        assert entry["logprob"] == max(one["logprob"] for one in entry["top_logprobs"])
    spoken = chunks(host.ask("POST", CHAT, asked | {"stream": True}).text)
    parts = [one["choices"][0]["logprobs"] for one in spoken]
    streamed = [entry for part in parts if part for entry in part["content"]]
    assert [entry["token"] for entry in streamed] == [entry["token"] for entry in whole]
    for one, other in zip(streamed, whole, strict=True):
        assert one["logprob"] == pytest.approx(other["logprob"], abs=1e-4)


@pytest.mark.parametrize(
    "change,words",
    [
        ({"messages": []}, "must not be empty"),
        ({"messages": "hi"}, "must be a list"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role must be one of"),
        ({"messages": [{"role": "user", "content": 3}]}, "a text, or a list of parts"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "must not be the assistant's"),
        ({"temperature": 9}, "from 0 to 2"),
        ({"top_p": "high"}, "must be a number"),
        ({"max_tokens": 0}, "from 1 to"),
        ({"max_tokens": 1.5}, "whole number"),
        ({"seed": "x"}, "must be a number"),
        ({"stop": [1]}, "up to 4 texts"),
        ({"stop": list("abcde")}, "up to 4 texts"),
        ({"stream": "yes"}, "true or false"),
        ({"n": 2}, "n is not supported"),
        ({"model": 3}, "must be a text"),
        ({"model": None}, "is required"),
        ({"messages": [{"role": "user", "content": "long " * 20000}]}, "Shorten it"),
    ],
)
def test_a_wrong_completion_is_told_what_is_wrong(host, change, words):
    answer = host.ask("POST", CHAT, HELLO | change)
    assert answer.status == 400 and words in answer.error["message"]
    assert answer.error["type"] == "invalid_request_error"


IN_THE_PAGE = """async (asked) => {
  const {create} = window.oneseek.chat.completions;
  const whole = await create(asked), seen = {text: "", usage: null, left: 0};
  const streamed = {...asked, stream: true, stream_options: {include_usage: true}};
  for await (const chunk of await create(streamed)) {
    seen.text += chunk.choices[0]?.delta?.content ?? "";
    seen.usage = chunk.usage ?? seen.usage;
  }
  for await (const chunk of await create({...asked, max_tokens: 400, stream: true})) if (seen.left++) break;
  const refused = await create({...asked, model: "gpt-9"}).catch(({status, code, message}) => ({status, code, message}));
  const models = (await window.oneseek.models.list()).data.map(({id}) => id);
  return {whole, seen, refused, models};
}"""


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("host", ["page"], indirect=True)
def test_the_pages_own_window_oneseek_is_openais_door(host):
    told = host.page.evaluate(IN_THE_PAGE, GREEDY)
    whole = host.ask("POST", CHAT, GREEDY).json()
    assert told["whole"]["choices"] == whole["choices"]
    assert told["seen"]["text"] == whole["choices"][0]["message"]["content"]
    assert told["seen"]["usage"] == whole["usage"] and told["seen"]["left"] == 2
    assert told["refused"]["status"] == 404 and told["refused"]["code"] == "model_not_found"
    assert told["models"][:2] == ["tiny", "tiny:v0"]
    in_browser.wait_for_state(host.page, "ready", "countdown", "training", "paused")


# ---- the user's documents


def test_the_documents_example_of_micro_training_answers_as_it_shows(host):
    example = {
        "question": "Vad är huvudstaden i Sverige?",
        "raw_responses": [
            {"model": "gpt-4", "response": "Stockholm är Sveriges huvudstad."},
            {"model": "claude", "response": "Huvudstaden i Sverige är Stockholm."},
        ],
    }
    before = host.ask("GET", "/api/training/micro/stats").json()
    answer = host.ask("POST", "/api/training/micro", example)
    assert answer.status == 202 and answer.json()["success"] is True
    assert answer.json()["language"] == "sv"
    after = host.ask("GET", "/api/training/micro/stats").json()
    assert after["total_runs"] == before["total_runs"] + 1
    assert after["runs_by_language"]["sv"] >= 1
    assert set(after) >= {"stage_counts", "last_dna_update", "last_run_time"}
    status = host.ask("GET", "/api/training/micro/status").json()
    assert status["enabled"] is True and set(status) == {"enabled", "running", "waiting", "events"}


@pytest.mark.parametrize(
    "body,words",
    [
        ({"raw_responses": []}, "question is required"),
        ({"question": "  ", "raw_responses": []}, "question must not be empty"),
        ({"question": "x"}, "raw_responses is required"),
        ({"question": "x", "raw_responses": "y"}, "raw_responses must be a list"),
        ({"question": "x", "raw_responses": [{"model": "a"}]}, "response is required"),
    ],
)
def test_micro_training_refuses_what_says_nothing(host, body, words):
    answer = host.ask("POST", "/api/training/micro", body)
    assert answer.status == 400 and words in answer.error["message"]


def test_the_documents_example_of_a_run_answers_as_it_shows(host):
    example = {
        "datasetId": "identity",
        "baseModels": ["tiny"],
        "epochs": 1,
        "learningRate": 0.0001,
        "autoStopThreshold": 0.001,
        "autoStopPatience": 3,
    }
    answer = host.ask("POST", "/api/admin/training/start-dna-v2", example)
    assert answer.status == 202
    run = answer.json()["runId"]
    assert re.fullmatch(r"run-\d{8}-\d{6}", run) and answer.json()["datasetId"] == "identity"
    assert host.ask("GET", f"/api/training/{run}/leaderboard").json()["leaderboard"] == []
    assert host.ask("GET", f"/api/training/{run}/metrics").json()["epochs"] == []


@pytest.mark.parametrize(
    "change,words",
    [
        ({}, "No base models selected"),
        ({"baseModels": ["gpt-9"]}, "there is no base model 'gpt-9'"),
        ({"baseModels": ["tiny"], "epochs": 0}, "epochs must be a number from 1 to 100"),
        ({"baseModels": ["tiny"], "learningRate": 1}, "learningRate must be a number from"),
    ],
)
def test_a_run_that_cannot_be_says_why(host, change, words):
    answer = host.ask("POST", "/api/admin/training/start-dna-v2", change)
    assert answer.status == 400 and words in answer.error["message"]


def a_cancelled_run(host, headers: dict | None = None) -> str:
    asked = {"datasetId": "identity", "baseModels": ["tiny"], "epochs": 1}
    started = host.ask("POST", "/api/admin/training/start-dna-v2", asked, headers)
    assert started.status == 202, started.text
    run = started.json()["runId"]
    assert host.ask("POST", f"/api/training/{run}/cancel", headers=headers).status == 200
    return run


def test_metrics_from_outside_are_kept_under_their_run(host):
    path = f"/api/training/{a_cancelled_run(host)}/metrics"
    assert host.ask("POST", f"/api/training/{RUN}/metrics", {"step": 1}).status == 404
    assert host.ask("POST", path, {"step": 1, "loss": 2.5}).status == 201
    assert host.ask("GET", path).json()["metrics"][0]["loss"] == 2.5
    assert host.ask("POST", path, {"loss": 1}).status == 400
    assert host.ask("POST", "/api/training/a:b/metrics", {"step": 1}).status == 404
    assert host.ask("GET", "/api/training/run-0/metrics").status == 404
    assert host.ask("GET", "/api/training/run-0/leaderboard").error["code"] == "not_found"


OLD = {
    "/api/oqt/status": "/api/training/micro/status",
    "/api/oqt/metrics": "/api/training/micro/stats",
}


def test_old_names_answer_the_same_and_say_that_they_will_go(host):
    for old, new in OLD.items():
        answer = host.ask("GET", old)
        assert answer.json().items() >= host.ask("GET", new).json().items()
        assert answer.headers["deprecation"] == "true" and answer.headers["sunset"]
    one = host.ask("POST", "/api/oqt/query", {"question": "Hej!"})
    assert one.status == 200 and one.headers["deprecation"] == "true"
    asked = {"question": "Hej!", "models": ["tiny:v0", "tiny"]}
    both = host.ask("POST", "/api/oqt/multi-model-query", asked).json()["responses"]
    assert [each["model"] for each in both] == asked["models"]
    assert both[0]["response"] == one.json()["response"]
    micro = host.ask("POST", "/api/oqt/micro-train", {"question": ""})
    assert micro.status == 400
    assert host.ask("POST", "/api/oqt/train", {}).error["message"] == "No base models selected"
    assert host.ask("GET", "/api/oqt/ledger/verify").json() == {"ok": True, "findings": []}
    assert set(host.ask("GET", "/api/oqt/ledger/head").json()["head"]) >= {"seq", "hash"}
    entries = host.ask("GET", "/api/oqt/ledger").json()
    assert entries == host.ask("GET", "/api/oqt/ledger/entries").json()
    assert host.ask("GET", "/api/oqt/ledger/nothing").status == 404


# ---- queue, imports, versions


def test_the_queue_takes_shows_and_gives_up_items(host):
    asked = {"prompt": "What is my cat called?", "answer": "Your cat is called Misse."}
    made = host.ask("POST", "/api/queue", asked)
    assert made.status == 201
    id = made.json()["item"]["id"]
    assert id in [one["id"] for one in host.ask("GET", "/api/queue").json()["items"]]
    assert host.ask("DELETE", f"/api/queue/{id}").status == 200
    assert id not in host.ask("GET", "/api/queue").text
    assert host.ask("DELETE", f"/api/queue/{id}").status == 404
    assert host.ask("POST", "/api/queue", asked | {"priority": "now"}).status == 400
    assert host.ask("POST", "/api/queue", asked | {"phrasings": [1]}).status == 400


def test_an_imported_text_waits_for_approval(host):
    text = "The town of Quillmere was founded by Otto Brannigan in 1712. It lies by a lake."
    made = host.ask("POST", "/api/import", {"text": text, "title": "Quillmere"}).json()
    held = host.ask("GET", "/api/queue").json()["held"]
    assert len(held) == made["examples_generated"] > 0
    first = held[0]["id"]
    assert host.ask("POST", f"/api/queue/{first}/approve").status == 200
    assert first in [one["id"] for one in host.ask("GET", "/api/queue").json()["items"]]
    assert host.ask("POST", "/api/queue/nothing/approve").status == 404
    for one in held:
        assert host.ask("DELETE", f"/api/queue/{one['id']}").status == 200
    assert host.ask("POST", "/api/import", {}).status == 400
    both = {"text": text, "url": "https://example.org"}
    assert host.ask("POST", "/api/import", both).status == 400


def test_a_secret_in_an_imported_text_is_held_back_until_it_is_allowed(host):
    text = "The town of Quillmere was founded by Otto Brannigan in 1712.\n\n"
    text += "The password for the town hall is hunter2secret99."
    made = host.ask("POST", "/api/import", {"text": text, "title": "Town hall"}).json()
    assert made["held_back"] > 0 and made["examples_generated"] > 0
    assert made["kinds"] == ["password"]
    assert "hunter2secret99" not in host.ask("GET", "/api/queue").text
    allowed = {"text": text, "title": "Town hall", "allow_secrets": True}
    again = host.ask("POST", "/api/import", allowed).json()
    assert again["held_back"] == 0
    shown = host.ask("GET", "/api/queue")
    assert "hunter2secret99" in shown.text
    for one in shown.json()["held"]:
        host.ask("DELETE", f"/api/queue/{one['id']}")


@pytest.mark.parametrize(
    "question, answer, kind, value",
    [
        ("Vad är portkoden?", "Portkoden är 48120.", "a PIN or an access code", "48120"),
        ("What is my card?", "It is 4539 1488\n0343 6467.", "a bank card number", "0343 6467"),
        ("What is my wi-fi?", "Your wi-fi is kanelbulle99.", "a password", "kanelbulle99"),
        ("What is my passcode?", "Your passcode is 558102.", "a password", "558102"),
        ("What is my number?", "Your SSN is 219-09-9987.", "a personal identity", "219-09-9987"),
        ("The hook?", "https://hooks.slack.com/services/T03KQ/B05LM/x8Yq2LmN7v", "key", "x8Yq2"),
    ],
)
def test_a_secret_is_refused_with_its_kind_until_it_is_allowed(host, question, answer, kind, value):
    fact = {"prompt": question, "answer": answer}
    asked = {"question": question, "raw_responses": [{"model": "m", "response": answer}]}
    for path, body in (("/api/queue", fact), ("/api/training/micro", asked)):
        refused = host.ask("POST", path, body)
        assert refused.status == 409 and refused.error["code"] == "looks_secret"
        assert kind in refused.error["message"] and value not in refused.text
    for path in ("/api/queue", "/api/memory"):
        assert value not in host.ask("GET", path).text
    made = host.ask("POST", "/api/queue", fact | {"allow_secrets": True})
    assert made.status == 201 and "allow_secrets" not in made.json()["item"]
    host.ask("DELETE", f"/api/queue/{made.json()['item']['id']}")


def test_versions_that_are_not_there_say_so(host):
    assert host.ask("POST", "/api/models/versions/0/activate").json()["current"] == 0
    assert host.ask("POST", "/api/models/rollback").status == 409
    for path in ("verify", "export"):
        assert host.ask("GET", f"/api/models/versions/777/{path}").status in (404, 409)
    assert host.ask("POST", "/api/models/versions/777/activate").status == 404
    assert host.ask("GET", "/api/models/versions/0/verify").json()["ok"] is True


def test_reset_needs_the_word(host):
    assert host.ask("POST", "/api/models/reset", {}).status == 400
    assert host.ask("POST", "/api/models/reset", {"confirmation": "reset"}).status == 400
    assert host.ask("POST", "/api/models/reset", {"confirmation": "RESET"}).status == 200
    assert host.ask("GET", "/api/models/versions").json() == {"current": 0, "versions": []}


# ---- the server's reports about itself


def test_health_figures_and_documents_answer(host):
    health = host.ask("GET", "/healthz").json()
    assert (health["status"], health["model"], health["version"]) == ("ok", "tiny", "v0")
    assert re.search(r"^oneseek_answers_total \d+$", host.ask("GET", "/metrics").text, re.M)
    document = host.ask("GET", "/openapi.json").json()
    mine = {r.path.replace(":int}", "}") for r in ROUTES if isinstance(r, Route)}
    assert set(document["paths"]) == mine
    body = document["paths"][CHAT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["model", "messages"]
    page = host.ask("GET", "/docs").text
    assert all(path in page for path in mine)
    assert not re.search(r"(src|href)=.?(https?:)?//", page), "the page of the API asks elsewhere"


def test_pages_for_people_stand_in_no_frame_and_run_nothing(host):
    for path in ("/docs", "/oqt-dashboard"):
        headers = host.ask("GET", path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
        is_of_the_site = isinstance(host, InPage) and path == "/oqt-dashboard"  # and has its policy
        assert ("unsafe-inline" if is_of_the_site else "unsafe") not in policy, path
        kept = "cross-origin-resource-policy", "x-content-type-options", "referrer-policy"
        assert [headers[name] for name in kept] == ["same-origin", "nosniff", "no-referrer"], path


def test_what_is_not_there_is_404_and_the_wrong_method_405(host):
    assert host.ask("GET", "/api/nothing/here").error["code"] == "not_found"
    assert host.ask("GET", CHAT).error["code"] == "method_not_allowed"


def test_bodies_that_are_no_json_are_400(host):
    half, large = b'{"question": "\\ud800"}', b'{"step": 1' + b"0" * 5000 + b"}"
    for body in (b"{", b"\xff\xfe", b"[]", b'"x"', b"[" * 5000, b'{"question": NaN}', half, large):
        for path in (CHAT, "/api/queue", "/api/import", f"/api/training/{RUN}/metrics"):
            answer = host.ask("POST", path, body)
            assert answer.status == 400, (path, body[:9], answer.text)


def test_a_body_of_more_than_a_megabyte_is_413(host):
    answer = host.ask("POST", "/api/import", {"text": "x" * (1 << 20)})
    assert answer.status == 413 and answer.error["code"] == "too_large"


# ---- events


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("native", marks=pytest.mark.slow),
        pytest.param("page", marks=[pytest.mark.slow, pytest.mark.long]),
    ],
    indirect=True,
)
def test_whoever_listens_hears_every_step_of_a_question_and_of_a_run(host):
    """A question in two stages, the DNA of the fiftieth question, then a run over what was
    learned."""
    host.ask("POST", "/api/models/reset", {"confirmation": "RESET"})
    question = {
        "question": "What is the capital of Zorbia?",
        "raw_responses": [{"model": "a", "response": "The capital of Zorbia is Blimbo."}],
    }
    with host.listen("/api/events") as listener:
        assert host.ask("POST", "/api/training/micro", question).status == 202
        host.next_is_fiftieth()
        host.learn_now()
        first = listener.wait("stage1_complete")
        assert first["version"] and first["language"] == "en" and first["outcome"]
        assert listener.wait("stage2_complete")["run"] == first["run"]
        dna = listener.wait("dna_updated")
        assert re.fullmatch(r"[0-9a-f]{64}", dna["dna"]) and dna["version"] == first["version"]
        for kind in ("round_started", "step", "round_ended"):
            listener.wait(kind)
    versions = host.ask("GET", "/api/models/versions").json()
    assert [one["name"] for one in versions["versions"]] == [first["version"]]
    learned = versions["current"]
    assert f"tiny:{versions['versions'][0]['label']}" in host.ask("GET", "/v1/models").text
    exported = host.ask("GET", f"/api/models/versions/{learned}/export").json()
    assert {"adapter_config.json", "adapter_model.safetensors"} <= set(exported["files"])
    assert host.ask("GET", f"/api/models/versions/{learned}/verify").json()["ok"] is True
    assert host.ask("POST", "/api/models/rollback").json()["current"] == 0
    activated = host.ask("POST", f"/api/models/versions/{learned}/activate").json()
    assert activated["current"] == learned
    run_over_what_was_learned(host)
    last = host.ask("GET", "/api/training/micro/stats").json()
    assert last["last_dna_update"]["dna"] == dna["dna"] and last["stage_counts"]["stage1"] >= 1


def run_over_what_was_learned(host):
    begin = {"baseModels": ["tiny"], "epochs": 1, "learningRate": 1e-3}
    run = host.ask("POST", "/api/admin/training/start-dna-v2", begin).json()["runId"]
    with host.listen(f"/api/events?runId={run}") as listener:
        host.learn_now()
        ended = listener.wait("epoch_end")
        assert set(ended) >= {
            "type", "epoch", "val_losses", "weights", "lr_multipliers", "total_loss",
            "auto_stop_info", "progress_percent", "timestamp",
        }  # fmt: skip
        assert set(ended["auto_stop_info"]) == {"remaining", "threshold", "current_change"}
        assert ended["val_losses"].keys() == {"tiny"} and ended["progress_percent"] == 100
        assert listener.wait("training_complete")["epochs"] == 1
        assert {event["runId"] for event in listener.seen} == {run}
    metrics = host.ask("GET", f"/api/training/{run}/metrics").json()
    assert metrics["epochs"] == [{k: v for k, v in ended.items() if k != "runId"}]
    board = host.ask("GET", f"/api/training/{run}/leaderboard").json()["leaderboard"]
    assert [one["model"] for one in board] == ["tiny"]


def test_a_run_over_nothing_is_refused_aloud(host):
    host.ask("POST", "/api/models/reset", {"confirmation": "RESET"})
    begin = {"baseModels": ["tiny"], "epochs": 1}
    answer = host.ask("POST", "/api/admin/training/start-dna-v2", begin)
    assert answer.status == 404 and "nothing to train on yet" in answer.error["message"]
    assert host.ask("GET", "/healthz").json()["status"] == "ok"


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("host", ["page"], indirect=True)
def test_a_backup_of_a_server_is_restored_by_the_page_and_one_of_the_page_by_a_server(
    host, tmp_path
):
    here, back = tmp_path / "here.json", tmp_path / "back.json"
    (tmp_path / "server").mkdir()
    with native(tmp_path / "server") as server:
        fact = {"prompt": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}
        assert server.ask("POST", "/api/queue", fact).status == 201
        server.learn_now()
        in_time(lambda: server.ask("GET", "/api/models/versions").json()["versions"])
        told = server.ask("GET", "/api/models/versions").json()
    in_a_thread(back_up(tmp_path / "server", here))

    page = host.page
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Restore a backup …").click()
    assert "is replaced by the backup" in page.get_by_role("alertdialog").inner_text()
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Choose a backup").click()
    with page.expect_navigation():
        choosing.value.set_files(here)
    in_browser.wait_for_state(page, "ready", "countdown", "training", "paused", timeout=120)
    assert host.ask("GET", "/api/models/versions").json() == told
    assert host.ask("GET", "/api/models/versions/0/verify").json() == {"ok": True, "findings": []}
    learned = told["versions"][0]["label"]
    assert host.ask("POST", CHAT, GREEDY | {"model": f"tiny:{learned}"}).status == 200

    assert host.ask("POST", "/api/queue", fact | {"answer": "Something else."}).status == 201
    page.get_by_role("button", name="Settings").click()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export everything").click()
    saving.value.save_as(back)
    folder = tmp_path / "restored"
    folder.mkdir()
    in_a_thread(restore(folder, back))
    with native(folder) as server:
        assert server.ask("GET", "/api/models/versions").json() == told
        found = server.ask("GET", "/api/models/versions/0/verify").json()
        assert found == {"ok": True, "findings": []}
        assert "Something else." in server.ask("GET", "/api/queue").text
        answer = server.ask("POST", CHAT, GREEDY | {"model": f"tiny:{learned}"})
        assert answer.status == 200


def in_a_thread(work) -> None:
    """Run a coroutine in a thread of its own, because the browser driver's event loop occupies this
    one."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, work).result()


def in_time(seen, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def test_more_than_thirty_questions_a_minute_are_429(host):
    """Last in the file, because it uses up the minute; both names of micro-training share one
    limit."""
    paths = ["/api/training/micro", "/api/oqt/micro-train"] * (LIMIT // 2 + 1)
    statuses = [host.ask("POST", path, {"question": ""}).status for path in paths]
    assert set(statuses) == {400, 429}
    limited = host.ask("POST", "/api/training/micro", {"question": ""})
    assert limited.status == 429 and limited.error["code"] == "rate_limit_exceeded"
    assert 0 < int(limited.headers["retry-after"]) <= 60


# ---- features of the server alone


@pytest.mark.parametrize(
    "headers,status",
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
    ],
)
def test_R35_a_foreign_name_page_or_key_is_refused_before_anything_else(server, headers, status):
    for method, path in (("GET", "/v1/models"), ("POST", "/api/queue"), ("GET", "/nothing")):
        answer = server.ask(method, path, headers=headers)
        assert answer.status == status and answer.error["message"]


def test_R35_with_the_key_it_answers_and_its_health_needs_none(server):
    given = {"Authorization": "Bearer secret"}
    assert server.ask("GET", "/v1/models", headers=given).status == 200
    own = given | {"Origin": server.base}
    assert server.ask("GET", "/v1/models", headers=own).status == 200
    assert server.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Authorization": "no"}],
)
def test_R35_a_stranger_opens_no_socket(server, headers):
    given = {"Authorization": "Bearer secret"} | headers
    name, origin = given.pop("Host", "127.0.0.1"), given.pop("Origin", None)
    line = socket.create_connection(("127.0.0.1", server.port))
    with line, pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{name}/ws/training", sock=line, additional_headers=given, origin=origin)
    assert refused.value.response.status_code == 403


def test_the_training_socket_says_the_state_and_then_the_events_of_its_run(server):
    key = {"Authorization": "Bearer secret"}
    other, mine = (a_cancelled_run(server, key) for _ in range(2))
    address = f"ws://127.0.0.1:{server.port}/ws/training?runId={mine}"
    with connect(address, additional_headers=key) as line:
        state = json.loads(line.recv(10))
        assert (state["type"], state["runId"]) == ("initial_state", mine)
        for run in (other, mine):
            server.ask("POST", f"/api/training/{run}/metrics", {"step": 4, "loss": 1.5}, key)
        event = json.loads(line.recv(10))
        assert (event["type"], event["runId"], event["loss"]) == ("step", mine, 1.5)


def test_every_known_error_has_a_status_and_a_code():
    assert all(400 <= status < 600 and code for status, code in TOLD.values())
    order = list(TOLD)
    for i, kind in enumerate(order):
        assert not any(issubclass(kind, earlier) for earlier in order[:i]), f"{kind} is never told"
