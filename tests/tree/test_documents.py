"""The table of the documents' requirements: its tests, endpoints and names must exist; and
requirements that no other file shows."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from starlette.routing import Route

from builder import ROOT
from oneseek.engine.cli.main import main
from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.next_work import LEAST_PRACTISED
from oneseek.workers.server.api import ROUTES
from tests.documents import CLASS_NAMES, ENDPOINTS, ROWS
from tests.support.hosts import SHORTEST, Native, native

TESTS = ROOT / "tests"
FACT = {"prompt": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}


@cache
def find_tests(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    functions = [
        one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {one.name for one in functions if one.name.startswith("test_")}


def test_every_test_of_the_table_is_there():
    named = [(row.id, *test.split("::")) for row in ROWS for test in row.tests]
    lost = [
        (id, file, name)
        for id, file, name in named
        if not find_tests(file) or (name != "*" and name not in find_tests(file))
    ]
    assert not lost
    assert not [file for _, file, _ in named if not re.fullmatch(r"(.*/)?test_\w+\.py", file)]


def test_every_test_that_the_page_on_security_names_is_there():
    page = (ROOT / "docs/security.md").read_text("utf-8")
    files = set(re.findall(r"`(\w+/test_\w+\.py)[:`]", page))
    named = re.findall(r"`(\w+/test_\w+\.py)::(test_\w+)`", page)
    bare = set(re.findall(r"`(test_\w+)`", page))
    assert len(files) >= 20 and len(named) >= 40
    assert not [file for file in sorted(files) if not (TESTS / file).is_file()]
    assert not [(file, name) for file, name in named if name not in find_tests(file)]
    assert not bare - {name for file in files for name in find_tests(file)}


def test_every_row_has_a_test_or_says_what_is_missing():
    assert not [row.id for row in ROWS if not row.tests and not row.missing]
    assert len({row.id for row in ROWS}) == len(ROWS) >= 145


def test_every_endpoint_of_the_documents_is_served():
    served = {
        f"{method} {route.path}"
        for route in ROUTES
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    assert not set(ENDPOINTS) - served


def test_every_name_of_the_documents_can_be_imported():
    for module, names in CLASS_NAMES.items():
        there = importlib.import_module(module)
        assert not [name for name in names.split() if not hasattr(there, name)], module


# ---- requirements that no other file shows


@pytest.mark.parametrize("switch", ["enable_web_scraping", "enable_content_processing"])
def test_a_switch_that_would_do_nothing_is_refused(switch):
    with pytest.raises(TypeError, match=switch):
        DataCollector(None, **{switch: True})


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[Native, Path]]:
    folder = tmp_path_factory.mktemp("server")
    with native(folder) as host:
        yield host, folder


def test_the_queue_tells_its_size_by_priority_and_source(server):
    host, _ = server
    before = host.ask("GET", "/api/queue").json()["stats"]
    assert host.ask("POST", "/api/queue", FACT).status == 201
    again = {"prompt": "  what is MY boat called? ", "answer": FACT["answer"]}
    host.ask("POST", "/api/queue", again)
    stats = host.ask("GET", "/api/queue").json()["stats"]
    assert stats["total"] == before["total"] + 1
    assert sum(stats["by_priority"].values()) == sum(stats["by_source"].values()) == stats["total"]


@pytest.mark.slow
def test_a_run_leaves_the_documented_files(server):
    host, folder = server
    with host.listen("/api/events") as events:
        if not host.ask("GET", "/api/models/versions").json()["current"]:
            host.ask("POST", "/api/queue", FACT)
            host.learn_now()
            events.wait("round_ended", 240)
        started = host.ask(
            "POST", "/api/admin/training/start-dna-v2", {"baseModels": ["tiny"], "epochs": 2}
        )
        run = started.json()["runId"]
        host.learn_now()
        events.wait("training_complete", 240, runId=run)
        ended = [event for event in events.seen if event["type"] == "epoch_end"]
        assert ended and all(event["timestamp"].endswith("Z") for event in ended)
        host.ask("GET", "/healthz")
    left = folder / "runs" / run
    for _ in range(100):
        if (left / "ledger_proof.json").exists():
            break
        host.inside(lambda service: None)
    names = {path.name for path in left.iterdir()}
    assert names == {
        "oneseek_dna.json",
        "training_results.json",
        "live_metrics.json",
        "ledger_proof.json",
    }


@pytest.mark.slow
def test_the_schedulers_figures_are_told_by_the_server(server):
    host, _ = server
    told = host.ask("GET", "/metrics").text
    count = float(re.search(r"^oneseek_rounds_total (\S+)$", told, re.M)[1])
    assert "oneseek_learning_share 1.0" in told
    with host.listen("/api/events") as events:
        host.ask(
            "POST", "/api/queue", {"prompt": "Who dug the well?", "answer": "Otto dug the well."}
        )
        host.learn_now()
        events.wait("round_ended", 240)
    told = host.ask("GET", "/metrics").text
    assert float(re.search(r"^oneseek_rounds_total (\S+)$", told, re.M)[1]) > count
    assert float(re.search(r"^oneseek_seconds_since_learning (\S+)$", told, re.M)[1]) < 60


@pytest.mark.parametrize(
    "command, words",
    [
        ("export", ["peft", "gguf", "merged", "certified"]),
        ("import", ["--depth", "--pages"]),
        ("micro", ["--question", "--response", "--data"]),
    ],
)
def test_what_can_be_asked_for_stands_in_a_help_text(command, words, capsys):
    with pytest.raises(SystemExit) as over:
        main([command, "--help"])
    told = capsys.readouterr().out
    assert over.value.code == 0 and not [word for word in words if word not in told]


def train_on_question(host: Native, question: str, texts: list[str], **more) -> tuple[dict, dict]:
    """Train on a question; returns the events of both stages."""
    responses = [{"model": f"m{i}", "response": text} for i, text in enumerate(texts)]
    with host.listen("/api/events") as events:
        body = {"question": question, "raw_responses": responses, **more}
        run = host.ask("POST", "/api/training/micro", body).json()["run"]
        host.learn_now()
        first = events.wait("stage1_complete", 240, run=run)
        return first, events.wait("stage2_complete", 240, run=run)


@pytest.mark.slow
def test_stage_one_learns_what_agrees_and_stage_two_what_analysis_made_of_it(server):
    host, _ = server
    answer = "The capital of Zorbia is Blimbo."
    first, second = train_on_question(
        host, "What is the capital of Zorbia?", ["Blimbo.", "It is Blimbo.", "Grunk."],
        analyzed_data={"answer": answer},
    )  # fmt: skip
    assert (first["outcome"], second["outcome"]) == ("learned", "learned")
    assert len(first["examples"]) == 2 and len(second["examples"]) == 1
    assert first["version"] != second["version"]
    page = host.ask("GET", "/oqt-dashboard").text
    assert "stage2_complete" in page and "learned" in page


def test_a_disagreement_is_asked_in_the_queue_and_nothing_is_learned(server):
    host, _ = server
    texts = ["The founder of Quill is Ada Ek.", "The founder of Quill is Otto Bo."]
    first, second = train_on_question(host, "Who is the founder of Quill?", texts)
    assert (first["outcome"], second["outcome"]) == ("asked", "asked")
    held = host.ask("GET", "/api/queue").json()["held"]
    assert set(texts) <= {one["answer"] for one in held}
    assert first["version"] is None and second["version"] is None


@pytest.mark.long
@pytest.mark.slow
def test_a_question_that_comes_in_the_midst_of_practice_is_learned(tmp_path):
    """The interrupted practice leaves a checkpoint, which must not keep anything from being
    learned."""
    with native(tmp_path) as host:
        trainer = host.service.learner.trainer
        trainer.config = trainer.config.replace(lesson=SHORTEST, practice={"steps_per_fact": 96})
        with host.listen("/api/events") as events:
            for number in range(LEAST_PRACTISED):
                told = {"prompt": f"Who dug well {number}?", "answer": f"Otto{number} dug it."}
                assert host.ask("POST", "/api/queue", told).status == 201
            host.learn_now()
            practice = events.wait("round_started", kind="practice")
            events.wait("step", runId=practice["runId"])
            first, second = train_on_question(host, "What is the capital of Zorbia?", ["Blimbo."])
        assert (first["outcome"], second["outcome"]) == ("learned", "same")


def test_reset_takes_the_runs_along(server):
    host, folder = server
    (folder / "runs" / "run-20260101-000000").mkdir(parents=True)
    assert host.ask("POST", "/api/models/reset", {"confirmation": "reset"}).status == 400
    assert (folder / "runs").exists()
    assert host.ask("POST", "/api/models/reset", {"confirmation": "RESET"}).status == 200
    assert not (folder / "runs").exists()


def test_every_bench_that_a_document_names_is_there():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {
        (page.name, bench)
        for page in pages
        for bench in re.findall(r"`(?:python3 build\.py )?bench ([a-z_]+)", page.read_text("utf-8"))
    }
    assert len(named) > 20
    assert not [one for one in sorted(named) if not (TESTS / f"bench/{one[1]}.py").is_file()]
