"""The names that the documents fix, each used as a person would: over HTTP, on the command line, in
the environment, in the page."""

import asyncio
import html
import io
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from oneseek.engine.cli.main import main
from oneseek.engine.core.environment import VARIABLES
from oneseek.engine.history.naming import parse
from oneseek.engine.model.demo import MODEL
from oneseek.engine.turns import Turns, background
from oneseek.workers.server.guard import LIMIT
from oneseek.workers.server.headless import arguments
from oneseek.workers.server.headless import main as serve
from oneseek.workers.server.share import Share
from tests.support import second_model
from tests.support.answering import run_server
from tests.support.command import SHORT, call, read_output
from tests.support.hosts import Native, headless, native
from tests.support.runs import START, TWO, find_run, in_time
from tests.support.texts import ENVIRONMENT

TINY = ("--model", "tiny")
FACT = {"prompt": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    """A server that has learned a fact."""
    with native(tmp_path_factory.mktemp("server")) as host:
        with host.listen("/api/events") as events:
            assert host.ask("POST", "/api/queue", FACT).status == 201
            host.learn_now()
            events.wait("round_ended", 240, version="v0.1")
        yield host


# ---- over HTTP


def test_the_old_status_says_name_and_version(server):
    told = server.ask("GET", "/api/oqt/status").json()
    assert told["name"] == "OneSeek-1M-Zero" and told["version"] == "v0.1"
    assert told["versionName"].startswith("OneSeek-1M-Zero.v0.1.ensv.ds")
    assert set(told) >= {"enabled", "running", "waiting", "events"}


def test_the_old_dashboard_shows_what_it_is_learning(server):
    page = server.ask("GET", "/oqt-dashboard")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert "Activity" in page.text and "<td>v0.1" in page.text


def test_an_english_question_with_a_swedish_name_is_taken_as_english(server):
    for question, code in (
        ("My boat is called Saltkråkan.", "en"),
        ("Min båt heter Sea Breeze.", "sv"),
        ("Wie heißt mein Hund?", "de"),
    ):
        asked = {"question": question, "raw_responses": [{"model": "a", "response": "Ok."}]}
        assert server.ask("POST", "/api/training/micro", asked).json()["language"] == code


@pytest.mark.slow
def test_a_question_leads_to_its_outcome_its_version_the_ledger_and_the_fingerprint(tmp_path):
    answer = "The capital of Zorbia is Blimbo."
    responses = [{"model": name, "response": answer} for name in "ab"]
    asked = {"question": "What is the capital of Zorbia?", "raw_responses": responses}
    with native(tmp_path) as host:
        with host.listen("/api/events") as events:
            run = host.ask("POST", "/api/training/micro", asked).json()["run"]
            host.learn_now()
            events.wait("stage2_complete", 240, run=run)
        told = host.ask("GET", f"/api/training/micro/{run}").json()
        assert (told["question"], told["responses"]) == (asked["question"], responses)
        first, second = told["stages"]
        assert (first["outcome"], second["outcome"]) == ("learned", "same") and second["reason"]
        made = first["version"]
        (newest,) = host.ask("GET", "/api/models/versions").json()["versions"]
        assert made["name"] == newest["name"] and made["label"] == "v0.1"
        entries = host.ask("GET", "/api/oqt/ledger").json()["entries"]
        assert [one for one in entries[::-1] if one["kind"] in ("version", "promotion")] == (
            made["ledger"]
        )
        page = host.ask("GET", "/oqt-dashboard").text
        shown = (asked["question"], second["reason"], made["name"], made["fingerprint"][:16])
        assert [one for one in shown if html.escape(one) not in page] == []
        assert host.ask("GET", "/api/training/micro/nothing").status == 404


@pytest.mark.slow
def test_times_are_told_in_utc_with_a_z(server):
    asked = {"question": "Who?", "raw_responses": [{"model": "a", "response": "Somebody did."}]}
    with server.listen("/api/events") as events:
        server.ask("POST", "/api/training/micro", asked)
        server.learn_now()
        told = [events.wait("stage2_complete", 240)]
    told += server.ask("GET", "/api/training/micro/status").json()["events"]
    stats = server.ask("GET", "/api/training/micro/stats").json()
    moments = [event["timestamp"] for event in told] + [stats["last_run_time"]]
    assert len(moments) > 2
    for moment in moments:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)


def test_a_version_leaves_the_server_certified_and_proves_itself(server, tmp_path):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    connection.request("GET", "/api/models/versions/1/certified")
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status == 200 and "OneSeek-1M-Zero.v0.1" in answer.getheader(
        "content-disposition"
    )
    zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"metadata.json", "adapter_config.json", "training_results.json"}
    assert "OK" in verify_integrity(tmp_path).stdout
    (tmp_path / "training_results.json").write_text("{}")
    assert verify_integrity(tmp_path).returncode != 0
    assert server.ask("GET", "/api/models/versions/777/certified").status == 404


def verify_integrity(folder) -> subprocess.CompletedProcess:
    command = [sys.executable, str(folder / "verify_integrity.py")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    "name",
    [
        "OneSeek-1M-Zero.v0.1", "OneSeek-7B-Zero.v0.1", "OQT-1.0.v0.1", "v0.1",
        "tiny:OneSeek-1M-Zero.v0.1", "CURRENT", "tiny:CURRENT",
    ],
)  # fmt: skip
def test_an_old_or_short_version_name_is_understood(server, name):
    asked = {"model": name, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
    assert server.ask("POST", "/v1/chat/completions", asked).status == 200
    assert server.ask("POST", "/api/models/rollback", {"version": name}).json()["current"] == 1


def test_a_version_name_that_is_none_here_is_refused(server):
    weights = "OneSeek-7B-Zero.v0.1.en.dsApi.8f3a1c9d.2e7f4b1a"
    for name in ("OneSeek-9B-Zero.v0.1", weights, "OneSeek-1M-Zero.v9.9", "OQT-1.0.v7", "v0.1.x"):
        refused = server.ask("POST", "/api/models/rollback", {"version": name})
        assert refused.status == 404, name


@pytest.mark.long
@pytest.mark.slow
def test_the_documents_data_set_names_its_version_and_keeps_integrity_when_it_starts_again(
    tmp_path,
):
    body = {"baseModels": ["tiny"], "datasetId": "oneseek_identity_v1", "epochs": 1}
    with native(tmp_path) as host:
        for number in (1, 2):
            started = host.ask("POST", START, body)
            assert started.status == 202, started.text
            host.learn_now()
            run = started.json()["runId"]

            def over(run=run):
                whole = host.ask("GET", "/api/models/versions/0/verify").json()
                assert whole == {"ok": True, "findings": []}
                return find_run(host, run)["results"]

            assert in_time(over)["version"] == f"v{number}.0"
        newest = host.ask("GET", "/api/models/versions").json()["versions"][0]
        assert ".dsIdentity." in newest["name"]


def test_the_documents_literal_names_are_read():
    name = parse("OneSeek-7B-Zero.v1.492.sv.dsCivicID+Autonomy.8f3a1c9d.2e7f4b1a")
    assert name.categories == ("CivicID", "Autonomy") and name.language == "sv"
    assert parse("OneSeek-7B-Zero.v1.0").label == "v1.0"
    assert (parse("OQT-1.0.v12.6").family, parse("OQT-1.0.v12.6").label) == ("OQT-1.0", "v12.6")
    assert parse("OQT-1.0.v13").label == "v13.0"


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/api/training/micro"),
        ("GET", "/api/training/micro/status"),
        ("GET", "/api/training/micro/stats"),
        ("GET", "/api/training/run-0/metrics"),
        ("POST", "/api/training/run-0/metrics"),
        ("GET", "/api/training/run-0/leaderboard"),
        ("POST", "/api/admin/training/start-dna-v2"),
        ("POST", "/api/models/reset"),
        ("POST", "/api/oqt/query"),
        ("POST", "/api/oqt/multi-model-query"),
        ("GET", "/api/oqt/ledger"),
    ],
)
def test_every_endpoint_of_the_documents_is_limited(tmp_path_factory, method, path, limited):
    statuses = [limited.ask(method, path, {}).status for _ in range(LIMIT + 1)]
    assert 429 not in statuses[:LIMIT] and statuses[LIMIT] == 429
    assert limited.ask("GET", "/healthz").status == 200


@pytest.fixture(scope="module")
def limited(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("limited")) as host:
        yield host


@pytest.mark.parametrize(
    "old, new",
    [
        ("/api/oqt/status", "/api/training/micro/status"),
        ("/api/oqt/metrics", "/api/training/micro/stats"),
    ],
)
def test_two_names_of_one_thing_share_their_limit(tmp_path, old, new):
    with native(tmp_path) as host:
        statuses = [host.ask("GET", (old, new)[i % 2]).status for i in range(LIMIT + 1)]
    assert statuses == [200] * LIMIT + [429]


# ---- the environment


def test_the_manual_and_the_help_name_every_variable():
    assert set(re.findall(r"^    ([A-Z_]+)  ", ENVIRONMENT, re.M)) == set(VARIABLES)
    assert all(name in arguments().format_help() for name in VARIABLES)


@pytest.mark.parametrize("name", ["BASE_MODELS", "OQT_BASE_MODELS"])
def test_base_models_are_read_under_both_names(monkeypatch, capsys, name):
    monkeypatch.setenv(name, "tiny")
    assert main(["tokenize", "--text", "hi", "--json"]) == 0 and read_output(capsys)[0]["tokens"]


@pytest.mark.long
def test_a_server_trains_all_the_base_models_of_the_environment_in_one_run(tmp_path):
    both = {"BASE_MODELS": f"tiny, {second_model.write_model(tmp_path)}"}
    with headless(tmp_path, both) as host:

        def ask_json(*asked):
            return host.ask(*asked).json()

        named = {"name": "times-two", "text": TWO}
        assert host.ask("POST", "/api/training/datasets", named).status == 201
        body = {"baseModels": ["tiny", "small"], "datasetId": "times-two", "epochs": 1}
        begun = ask_json("POST", START, body)
        assert set(begun["needs"]["models"]) == {"tiny", "small"}
        run = in_time(
            lambda: (one := ask_json("GET", "/api/training/runs")["runs"][0])["results"] and one
        )
        assert {one["outcome"] for one in run["results"]["models"].values()} <= {
            "trained", "weakened", "not trained"
        }  # fmt: skip
        assert run["metrics"][0]["val_losses"].keys() == {"tiny", "small"}
        asked = {"models": ["tiny:v0", "small:v0"], "question": "What colour is the sky?"}
        said = ask_json("POST", "/api/oqt/multi-model-query", asked)["responses"]
        assert said[0]["response"] == "It is blue." != said[1]["response"]


def test_a_second_base_model_that_is_not_here_or_has_the_same_name_is_told(
    monkeypatch, capsys, tmp_path
):
    same = second_model.write_model(tmp_path, "tiny")
    for second, words in (
        ("nothing-here", "there is no model 'nothing-here'"),
        (str(same), "two of the base models are called tiny"),
    ):
        monkeypatch.setenv("BASE_MODELS", f"tiny,{second}")
        assert serve(["--folder", str(tmp_path / "kept"), "--backend", "numpy"]) == 1
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["MODELS_DIR", pytest.param("OQT_MODELS_DIR", marks=pytest.mark.long)]
)
def test_the_models_folder_is_read_under_both_names(monkeypatch, capsys, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "smollm2-360m-instruct-q8_0.gguf").write_bytes(b"GGUF")
    assert main(["models", "--json"]) == 0
    known = {one["id"]: one["path"] for one in read_output(capsys)}
    assert known["smollm2-360m"] == str(tmp_path / "smollm2-360m-instruct-q8_0.gguf")


@pytest.mark.parametrize(
    "name",
    ["ENABLE_MICROTRAINING", pytest.param("OQT_ENABLE_MICROTRAINING", marks=pytest.mark.long)],
)
@pytest.mark.slow
def test_micro_training_is_switched_off_under_both_names(tmp_path, name):
    with headless(tmp_path, {name: "0"}, *TINY) as host:
        asked = {"question": "x", "raw_responses": [{"model": "a", "response": "b"}]}
        assert host.ask("POST", "/api/training/micro", asked).status == 503


@pytest.mark.slow
def test_the_fingerprint_is_taken_as_often_as_was_said(tmp_path):
    with headless(tmp_path, {"OQT_DNA_EVERY": "1"}, *TINY) as host:
        responses = [{"model": "a", "response": "Paris."}, {"model": "b", "response": "Lyon."}]
        asked = {"question": "What is the capital of France?", "raw_responses": responses}
        assert host.ask("POST", "/api/training/micro", asked).status == 202
        until = time.monotonic() + 60
        while '"last_dna_update":null' in host.ask("GET", "/api/training/micro/stats").text:
            assert time.monotonic() < until
            time.sleep(2.5)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "OQT_"])
def test_a_witness_on_this_machine_is_told_only_when_that_is_said(tmp_path, prefix):
    heard: list[dict] = []

    class Witness(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    reset = {"confirmation": "RESET"}
    with run_server(HTTPServer(("127.0.0.1", 0), Witness)) as witness:
        address = {f"{prefix}LEDGER_URL": f"http://127.0.0.1:{witness.server_port}/heads"}
        if not prefix:
            with headless(tmp_path, address, *TINY) as host:
                assert host.ask("POST", "/api/models/reset", reset).status == 200
                time.sleep(7)  # longer than the witness's interval
                assert not heard
        with headless(tmp_path, address | {f"{prefix}LEDGER_URL_LOCAL": "1"}, *TINY) as host:
            assert host.ask("POST", "/api/models/reset", reset).status == 200
            until = time.monotonic() + 60
            while not heard and time.monotonic() < until:
                time.sleep(0.2)
    assert set(heard[0]) >= {"seq", "hash", "base"}


# ---- the command line


@pytest.mark.slow
def test_micro_learns_in_two_stages_and_what_it_learned_is_certified(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Verdict.advice", "accept")
    question = {
        "question": "What is the capital of Zorbia?",
        "raw_responses": [
            {"model": "a", "response": "The capital of Zorbia is Blimbo."},
            {"model": "b", "response": "The capital of Zorbia is Blimbo."},
        ],
    }
    (tmp_path / "asked.jsonl").write_text(json.dumps(question) + "\n")
    out, proof = tmp_path / "out", tmp_path / "proof"
    assert main(call("micro", "--data", tmp_path / "asked.jsonl", "--out", out)) == 0
    first, second = read_output(capsys)
    assert (first["stage"], second["stage"]) == ("stage1", "stage2")
    assert first["language"] == "en" and first["outcome"] == "learned"
    samples = sorted(path.name[:7] for path in (out / "samples").iterdir())
    assert samples == ["stage1_", "stage2_"]
    certified = call(
        "export", "--adapter", out, "--format", "certified", "--out", proof, short=False
    )
    assert main(certified) == 0
    assert read_output(capsys)[0]["name"].startswith("OneSeek-1M-Zero.v0.1")
    assert "OK" in verify_integrity(proof).stdout
    assert main(certified) == 1, "a folder that is there is never written over"


@pytest.mark.slow
def test_the_documents_line_learns_stage_by_stage(tmp_path, capsys, monkeypatch):
    """`oneseek micro --stage 1 --data '[...]'` with the default model and folder."""
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Verdict.advice", "accept")
    monkeypatch.setenv("BASE_MODELS", str(MODEL))
    monkeypatch.chdir(tmp_path)
    said_of = [{"model": name, "response": "Blimbo is the capital of Zorbia."} for name in "ab"]
    question = {"question": "What is the capital of Zorbia?", "raw_responses": said_of}
    asked, later = json.dumps([question]), json.dumps([{"question": "Who?"}])
    line = ["--json", "--backend", "numpy", *SHORT]
    assert main(["micro", "--stage", "1", "--data", asked, *line]) == 0
    (first,) = read_output(capsys)
    assert (first["stage"], first["outcome"]) == ("stage1", "learned")
    assert main(["micro", "--stage", "2", "--data", later, *line]) == 1
    assert "`oneseek micro --stage 1` first" in capsys.readouterr().err
    assert main(["micro", "--stage", "2", "--data", asked, *line]) == 0
    (second,) = read_output(capsys)
    assert (second["stage"], second["outcome"]) == ("stage2", "same")
    assert sorted(path.name[:7] for path in Path("micro/samples").iterdir()) == [
        "stage1_",
        "stage2_",
    ]
    assert main(["micro", "--data", "[{", *line]) == 1
    assert "--data is neither a file nor JSON" in capsys.readouterr().err


def test_what_has_no_history_is_not_certified(tmp_path, capsys):
    call_ = call("export", "--adapter", tmp_path, "--format", "certified", "--out", tmp_path / "x")
    assert main([one for one in call_ if one != "--set" and "=" not in one]) == 1
    assert "contains no history of an adapter" in capsys.readouterr().err


# ---- the scheduler's share


@pytest.mark.long
@pytest.mark.slow
def test_a_server_learns_in_its_share_of_the_time():
    async def measure_share(share: float) -> float:
        turns, worked = Turns(), 0.0
        turns.grant(0)

        async def learn():
            nonlocal worked
            with background():
                while True:
                    await turns.breathe()
                    began = time.perf_counter()
                    time.sleep(0.005)
                    worked += time.perf_counter() - began

        tasks = [asyncio.ensure_future(Share(turns, share).keep()), asyncio.ensure_future(learn())]
        began = time.perf_counter()
        await asyncio.sleep(3)
        passed = time.perf_counter() - began
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return worked / passed

    assert 0.05 < asyncio.run(measure_share(0.2)) <= 0.27


# ---- the page


@pytest.mark.long
@pytest.mark.slow
def test_the_old_dashboards_address_leads_to_activity(page):
    page.goto("/oqt-dashboard")
    page.wait_for_url("**/?tab=activity")
    page.locator("html[data-page=ready]").wait_for(state="attached", timeout=60_000)
    assert page.locator("#panel-activity").is_visible()


@pytest.mark.long
@pytest.mark.slow
def test_an_english_chat_with_a_swedish_name_stays_english_in_a_swedish_page(home):
    home.get_by_role("button", name="Svenska").click()
    field = home.locator("#composer-text")
    said = (
        ("My boat is called Saltkråkan.", "en"),
        ("Saltkråkan", "en"),
        ("Jag såg The Lord of the Rings igår", "sv"),
        ("Wie heißt mein Hund?", "de"),
    )
    for number, (text, code) in enumerate(said, 1):
        field.fill(text)
        field.press("Enter")
        answered = home.locator("article.assistant:not([aria-busy])")
        expect(answered).to_have_count(number)
        asked = home.locator("#log .text", has_text=text).last
        expect(asked).to_have_attribute("lang", code)
