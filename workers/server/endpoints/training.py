"""Training: a question's micro-training, whole runs, and the events of both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from oneseek.engine.core.collecting.collector import refuse_secrets
from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.settings import (
    DATA_PRESETS,
    IN_RUNS,
    MODES,
    TARGETS,
    TrainingConfig,
)
from oneseek.engine.learning import run_data
from oneseek.engine.learning.adaptive import AdaptiveConfig, score
from oneseek.engine.learning.questions.outcome import outcome_of
from oneseek.engine.learning.run_data import LARGEST
from oneseek.engine.learning.runs import moment
from oneseek.engine.learning.tuning.halving import seconds_of
from oneseek.workers.server.admission import Crowded
from oneseek.workers.server.fields import (
    BadRequest,
    array,
    body_of,
    flag,
    number,
    record,
    takes,
    text,
    whole_number,
)
from oneseek.workers.server.service import Service, service_of

HEARTBEAT = 15.0  # seconds of silence before a listener gets a heartbeat
RESPONSE = record(model=text(longest=200), response=text())
ANALYZED_NAMES = ("answer", "weights", "consensus", "bias", "fairness")
ANALYZED = record(
    {},
    answer=text("", longest=2000),
    weights=record({}),
    consensus=number(None, 0, 1),
    bias=number(None, 0, 1),
    fairness=number(None, 0, 1),
)


@takes(
    question=text(),
    raw_responses=array(of=RESPONSE, most=100),
    language=text("", longest=35),
    analyzed_data=ANALYZED,
    allow_secrets=flag(False),
)
async def micro(request: Request, body: dict) -> JSONResponse:
    """Learn from a question and the responses to it, in two stages, later; answers at once. The
    caller's own analysis (`analyzed_data`) counts as one more response. A text that seems to
    contain a secret is refused with 409 and its kind, unless the request has `allow_secrets`."""
    service = service_of(request)
    if not service.micro_training:
        raise HTTPException(503, "micro-training is switched off (ENABLE_MICROTRAINING)")
    if not body["allow_secrets"]:
        answers = [one["response"] for one in body["raw_responses"]]
        answers.append(body["analyzed_data"].get("answer") or "")
        refuse_secrets(secrets_in("\n".join([body["question"], *answers])))
    accepted = await service.ask_micro(
        body["question"],
        body["raw_responses"],
        body["language"],
        clean_analysis(body["analyzed_data"]),
    )
    return JSONResponse({"success": True, "status": "accepted", **accepted}, 202)


def clean_analysis(analyzed: dict) -> dict:
    """A caller's analysis, without what it left open."""
    weights = analyzed.get("weights") or {}
    for model in weights:
        number(1.0, 0, 1).read(weights, model)
    return {
        name: analyzed[name] for name in ANALYZED_NAMES if analyzed.get(name) not in (None, "", {})
    }


async def micro_status(request: Request) -> JSONResponse:
    """What micro-training is doing, and its last ten events."""
    service = service_of(request)
    return JSONResponse(await micro_state(service))


async def micro_outcome(request: Request) -> JSONResponse:
    """Everything that came of a question: its stages with outcome and reason, the version each
    became, that version's entries in the ledger, and its fingerprint."""
    service, run = service_of(request), request.path_params["run_id"]
    try:
        return JSONResponse(await outcome_of(service.versions, run))
    except KeyError:
        raise HTTPException(404, f"there is no question {run[:80]!r}") from None


async def micro_state(service: Service) -> dict:
    status = await service.micro.status()
    told = [format_time(event) for event in status["events"]]
    return {"enabled": service.micro_training, **status, "events": told}


async def micro_stats(request: Request) -> JSONResponse:
    """Counts of micro-training: runs, by language, by stage, last DNA update."""
    stats = await service_of(request).micro.stats()
    dna, last = stats["last_dna_update"], stats["last_run_time"]
    stats.update(last_dna_update=dna and format_time(dna), last_run_time=last and moment(last))
    return JSONResponse(stats)


LORA = record(
    {},
    exact=True,
    rank=whole_number(None, 4, 16),
    alpha=number(None, 16, 32),
    dropout=number(None, 0, 0.1),
    targets=array(None, of=text(longest=20), most=len(TARGETS)),
    target_modules=array(None, of=text(longest=20), most=len(TARGETS)),
    enable_bias=flag(None),
    firstLayer=whole_number(None, 0, 63),
)


def read_shape(body: dict) -> dict:
    """What a run is asked to train of the model, in the names of the configuration."""
    wanted: dict = {}
    if mode := body["mode"]:
        if mode not in MODES:
            raise BadRequest(f"mode must be one of {', '.join(MODES)}")
        wanted["mode"] = mode
    if blocks := body["fullBlocks"]:
        if wanted.get("mode", "lora") == "lora":
            raise BadRequest("fullBlocks needs the mode hybrid or full")
        wanted["full_blocks"] = blocks
    names = ("rank", "alpha", "dropout", "target_modules", "enable_bias")
    lora = {name: body["loraConfig"].get(name) for name in names}
    lora["target_modules"] = lora["target_modules"] or body["loraConfig"].get("targets")
    lora["first_layer"] = body["loraConfig"].get("firstLayer")
    if given := {name: value for name, value in lora.items() if value is not None}:
        if wanted.get("mode") == "full":
            raise BadRequest("loraConfig needs the mode lora or hybrid")
        wanted["lora_config"] = given
    for name, value in body["trainingConfig"].items():
        if name not in IN_RUNS:
            raise BadRequest(f"a run has no setting {name}; its settings are {', '.join(IN_RUNS)}")
        wanted[name] = value
    if body["autoStopThreshold"] is not None:
        wanted.setdefault("stop_by", "loss")  # the threshold is one of the loss
    TrainingConfig().replace(**wanted)  # says which value is out of its range
    return wanted


def ends(body: dict) -> dict:
    """The settings of a request for the end of a run."""
    given = {"threshold": body["autoStopThreshold"], "patience": body["autoStopPatience"]}
    return {name: value for name, value in given.items() if value is not None}


@takes(
    exact=True,
    datasetId=text("learned", longest=200),
    baseModels=array((), of=text(longest=200), most=20),
    preset=text(DATA_PRESETS[0], longest=20),
    epochs=whole_number(None, 1, 100),
    learningRate=number(None, 1e-5, 1e-3),
    autoStopThreshold=number(None, 0, 1),
    autoStopPatience=whole_number(None, 1, 100),
    mode=text("", longest=10),
    fullBlocks=whole_number(None, 1, 64),
    loraConfig=LORA,
    trainingConfig=record({}),
    adaptiveWeights=record({}),
    tune=text("", longest=20),
)
async def start_run(request: Request, body: dict) -> JSONResponse:
    """Start a run over a data set. By default it trains at a rate that fits the model and stops
    once its score on held-out examples no longer improves; values in the request replace the
    defaults. The preset `classic` means rate 1e-4 and 3 epochs. With an autoStopThreshold the run
    stops by its loss. The result is used if its score is better than before. Several base models
    take turns and have a result each; their losses set their rates and when they stop. With `tune`
    (90s, 10m, 1h) rank, rate, batch and epochs are searched first, for at most that time."""
    service = service_of(request)
    if body["preset"] not in DATA_PRESETS:
        raise BadRequest(f"preset must be one of {', '.join(DATA_PRESETS)}")
    run = await service.runs.start(
        body["baseModels"],
        body["datasetId"],
        body["epochs"],
        body["learningRate"],
        ends(body),
        read_shape(body),
        AdaptiveConfig(**body["adaptiveWeights"]),
        seconds_of(body["tune"]) if body["tune"] else 0.0,
        body["preset"],
    )
    service.hurry()
    told = {"runId": run.id, "models": run.models, **run.about}
    return JSONResponse({"success": True, **told}, 202)


async def modes(request: Request) -> JSONResponse:
    """What a run over a data set may train of the model, and the memory and time each would
    take."""
    asked = request.query_params
    epochs = asked.get("epochs")
    if epochs and not (epochs.isdecimal() and 1 <= int(epochs) <= 100):
        raise BadRequest("epochs must be a whole number from 1 to 100")
    data = asked.get("datasetId", run_data.IDENTITY)
    times = int(epochs) if epochs else None
    return JSONResponse({"modes": await service_of(request).runs.modes(data, times)})


async def all_runs(request: Request) -> JSONResponse:
    """Every run, newest first: its state, its epochs, what became of it, and the models it waits
    for, which this server was not given."""
    return JSONResponse({"runs": service_of(request).runs.list_runs()})


async def cancel_run(request: Request) -> JSONResponse:
    """End a run; what it trained is thrown away, and the version in use stays."""
    run = await service_of(request).runs.cancel(request.path_params["run_id"])
    return JSONResponse({"success": True, "runId": run.id, "state": run.state})


@takes(name=text(longest=200), text=text(longest=LARGEST))
async def add_data_set(request: Request, body: dict) -> JSONResponse:
    """Bring a data set in for runs: OpenAI messages, ShareGPT, Alpaca, prompt and completion,
    text."""
    kept = await run_data.bring_in(service_of(request).store, body["name"], body["text"])
    return JSONResponse({"success": True, **kept}, 201)


async def data_sets(request: Request) -> JSONResponse:
    """What a run can be trained on."""
    return JSONResponse({"datasets": await run_data.available(service_of(request).store)})


async def run_metrics(request: Request) -> JSONResponse:
    """Every step of a run so far."""
    service, run = service_of(request), request.path_params["run_id"]
    known = service.runs.known.get(run)
    mine = (f"{run}/", f"{run}.")  # of one model, or of several that took turns
    steps = [one for key, one in await service.store.all("metrics") if key.startswith(mine)]
    if not steps and known is None:
        raise HTTPException(404, f"there is no run {run!r}")
    told = {"state": known.state, "reason": known.reason, "results": known.results} if known else {}
    return JSONResponse(
        {"runId": run, "metrics": steps, "epochs": known.metrics if known else [], **told}
    )


async def add_metrics(request: Request) -> JSONResponse:
    """Add a step's figures to a run from outside: {step, loss, ...}."""
    service, run, body = service_of(request), request.path_params["run_id"], await body_of(request)
    if run not in service.runs.known:
        raise HTTPException(404, f"there is no run {run[:80]!r}; start it first")
    step = whole_number(-1, 0, 10**6 - 1).read(body, "step")
    if step < 0:
        raise BadRequest("step is required, as a whole number from 0 up")
    figures = {k: v for k, v in body.items() if isinstance(v, int | float) and len(k) <= 64}
    added = {**figures, "step": step, "run": run}
    await service.store.batch([["put", "metrics", f"{run}/{step:06d}", added]])
    service.hub.tell({"type": "step", "runId": run, **added})
    return JSONResponse({"success": True}, 201)


async def leaderboard(request: Request) -> JSONResponse:
    """The models of a run, best first: the result of each, and the blind comparisons that its
    version won."""
    service = service_of(request)
    run = service.runs.known.get(request.path_params["run_id"])
    if run is None:
        raise HTTPException(404, f"there is no run {request.path_params['run_id']!r}")
    made = {one["name"]: one for _, one in await service.store.all("versions")}
    rows = []
    for row in run.leaderboard.rank():
        name = run.version_of(row["model"])
        rows.append(row | {"version": name or None} | score(made.get(name)))
    return JSONResponse({"runId": run.id, "leaderboard": rows})


def state_of(service: Service, wanted: str | None) -> dict:
    """The state of a run, which a new listener needs first."""
    run = service.runs.known.get(wanted) if wanted else None
    return run.initial_state() if run else {"type": "initial_state", "runId": wanted, "metrics": []}


async def events(request: Request) -> StreamingResponse:
    """Everything that happens, as server-sent events; `runId` narrows it to one run."""
    service, wanted = service_of(request), request.query_params.get("runId")
    service.hub.must_have_room()

    async def stream() -> AsyncIterator[str]:
        async with service.hub.listen() as queue:
            yield encode_event(state_of(service, wanted))
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if wanted in (None, event.get("runId")):
                    yield encode_event(event)

    return StreamingResponse(stream(), media_type="text/event-stream")


def format_time(event: dict) -> dict:
    """An event as the API tells it: its time in words, where the store has milliseconds."""
    time = event.get("timestamp")
    return event | {"timestamp": moment(time)} if isinstance(time, int) else event


def encode_event(event: dict) -> str:
    return f"event: {event['type']}\ndata: {json.dumps(format_time(event))}\n\n"


async def training_socket(socket: WebSocket) -> None:
    """These events over a WebSocket, for one run or all."""
    service, wanted = socket.app.state.service, socket.query_params.get("runId")
    await socket.accept()
    try:
        service.hub.must_have_room()
    except Crowded as crowded:
        return await socket.close(1013, str(crowded))
    async with service.hub.listen() as queue:
        left = asyncio.ensure_future(until_closed(socket))
        try:
            await socket.send_json(state_of(service, wanted))
            while not left.done():
                coming = asyncio.ensure_future(queue.get())
                await asyncio.wait({coming, left}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                elif wanted in (None, coming.result().get("runId")):
                    await socket.send_json(format_time(coming.result()))
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            left.cancel()


async def until_closed(socket: WebSocket) -> None:
    """Wait until a listener leaves; what it sends is ignored."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
