"""The commands that use the model: chat, generate, logits; and export, which writes it for others.

They run the same engine as the page, on the GPU where there is a real one, otherwise on the
processor.
"""

import asyncio
import contextlib
import json
import select
import signal
import socket
import sys
from pathlib import Path

import numpy as np

from oneseek.engine.cli import certified, external_training, judging, teaching
from oneseek.engine.cli.options import command, log, model_options, need, show, write_whole
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.core.environment import is_switched_on
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.model import registry
from oneseek.engine.model.adapters import gguf_lora, load_adapter, only_lora, save_merged, save_peft
from oneseek.engine.model.families import configure
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.published import beside_weights
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.vision.eyes import DETAILS
from oneseek.engine.open import alone_in, clock, model_named
from oneseek.importers.document import ImportRefused

STORE = "oneseek.sqlite"  # beside an adapter: the store of what else its folder knows
SPEAKING = "chat"  # the key of a chat's answer while it grows
SHOWN = 10  # next tokens that `logits` shows


async def load_generator(options):
    """The chosen model on its back end, and a generator with the chosen adapter."""
    model = await model_named(options.model, options.backend)
    if not options.adapter:
        return model, Generator(model)
    trained, flat = load_adapter(Path(options.adapter), model.config)
    return model, Generator(model, trained, {trained.name: model.executor.upload(flat)})


def sampling_options(parser):
    parser.add_argument("--greedy", action="store_true", help="always take the likeliest token")
    parser.add_argument("--temperature", type=float, help="default: the model's own")
    parser.add_argument("--top-p", type=float, help="default: the model's own")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampling; default: 0")
    parser.add_argument(
        "--max-tokens", type=int, default=256, help="maximum length of an answer; default: 256"
    )


def make_sampling(options, model, **more):
    temperature = 0.0 if options.greedy else options.temperature
    asked = {"seed": options.seed, "max_tokens": options.max_tokens, **more}
    return model.manner.make_sampling(temperature, options.top_p, **asked)


def make_chat_sampling(options, model):
    """The sampling of a chat, which does not repeat itself unless it is asked to be greedy."""
    keeps_going = not options.greedy
    return make_sampling(options, model, steer=keeps_going, stop_repeats=keeps_going)


def picture_options(parser):
    parser.add_argument("--picture", metavar="FILE", type=Path, action="append", default=[],
                        help="a picture to ask about, for a model that sees; can be repeated")  # fmt: skip
    parser.add_argument("--detail", choices=DETAILS, default="auto",
                        help="low: encode the picture as a whole; high: its parts as well; auto: "
                        "high on a GPU, low on a CPU")  # fmt: skip


async def first_message(text, options, model):
    """The user's message, with the pictures that are asked about."""
    message = {"role": "user", "content": text}
    if not options.picture:
        return message
    eyes = model.must_see()
    in_parts = eyes.in_parts(options.detail)
    need("--picture", ("PIL",), "app")
    from oneseek.importers.photo import tiles_of

    try:
        shown = [
            tiles_of(path.read_bytes(), path.name, eyes.sight, in_parts) for path in options.picture
        ]
    except ImportRefused as problem:
        raise ValueError(str(problem)) from problem
    return {**message, "pictures": shown}


def user_options(parser):
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--user", metavar="TEXT", help="the user's message")
    given.add_argument(
        "--users", metavar="FILE", help="many messages, one JSON string per line (- for stdin)"
    )


def lines_of(path):
    """The JSON strings in a file, one a line."""
    text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            value = json.loads(line)
            if not isinstance(value, str):
                raise ValueError(f"{path}, line {number}: a JSON string was expected")
            yield value


@command(model_options, user_options, picture_options, sampling_options)
def generate(options):
    """Answer one or many user messages through the model's chat template."""
    asyncio.run(_generate(options))


async def _generate(options):
    users = [options.user] if options.users is None else list(lines_of(options.users))
    if options.adapter and (Path(options.adapter) / STORE).exists():
        return await _generate_from_memory(options, users)
    model, generator = await load_generator(options)
    chosen = make_sampling(options, model)
    asked = [await model.see([await first_message(user, options, model)]) for user in users]
    answers = [generator.ask(messages, chosen) for messages in asked]
    for answer in answers:
        await generator.answer_all([answer])
        result = {
            "text": answer.text,
            "tokens": len(answer.ids),
            "tokens_per_second": round(answer.tokens_per_second, 2),
        }
        show(options, result, answer.text)


async def _generate_from_memory(options, users):
    """Answer from a folder that knows facts by heart: the question decides who answers."""
    model = await teaching.load_model(options)
    async with assistant_of(Path(options.adapter), model) as assistant:
        for number, user in enumerate(users):
            messages = [await first_message(user, options, model)]
            chosen = make_sampling(options, model)
            answer, version = await assistant.answer(messages, chosen, str(number))
            result = {
                "text": answer.text,
                "tokens": len(answer.ids),
                "tokens_per_second": round(answer.tokens_per_second, 2),
                "oneseek": await assistant.describe(answer, version),
            }
            show(options, result, answer.text)


def text_options(parser):
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--text", help="the text")
    given.add_argument(
        "--texts", metavar="FILE", help="many texts, one JSON string per line (- for stdin)"
    )


@command(model_options, text_options)
def logits(options):
    """Show the likeliest next tokens after each token of a text."""
    asyncio.run(_logits(options))


async def _logits(options):
    model, generator = await load_generator(options)
    texts = [options.text] if options.texts is None else list(lines_of(options.texts))
    for text in texts:
        ids = model.tokenizer.encode(text, special=True)
        if not ids:
            raise ValueError("the text is empty. Give a text of at least one character")
        tops, logprobs = await top_tokens(model, ids, generator.trained, generator.tensors)
        top = [
            [[int(i), round(float(p), 5)] for i, p in zip(row, probs, strict=True)]
            for row, probs in zip(tops[:, :SHOWN], logprobs[:, :SHOWN], strict=True)
        ]
        name = model.tokenizer.decode
        lines = [
            f"{name([id])!r:>16}  " + "  ".join(f"{name([i])!r} {p:.2f}" for i, p in row[:5])
            for id, row in zip(ids, top, strict=True)
        ]
        show(options, {"tokens": ids, "top": top}, "\n".join(lines))


def chat_options(parser):
    parser.add_argument("--folder", metavar="PATH", type=Path,
                        help="the folder of the memory; default: --adapter, or one per model")  # fmt: skip
    parser.add_argument("--no-learn", action="store_true", help="remember nothing of this chat")


@command(model_options, sampling_options, picture_options, chat_options)
def chat(options):
    """Chat with a model, which remembers the facts that you state. An empty line or Ctrl+D ends the
    chat; Ctrl+C stops an answer."""
    asyncio.run(_chat(options))


async def _chat(options):
    adapter = options.adapter and Path(options.adapter)
    if adapter and not (adapter / STORE).exists():
        await _chat_with_adapter(options)
        return
    model = await teaching.load_model(options)
    folder = options.folder or adapter or registry.data() / "chat" / model.fingerprint[:16]
    hears = is_switched_on("LEARN_FROM_CHATS", True) and not options.no_learn
    if hears and registry.encoder_file() is None:
        log(f"oneseek: {registry.ENCODER_MISSING}")
    with alone_in(folder):
        async with assistant_of(folder, model, new=True) as assistant:
            queue = SavedQueue(TrainingQueue(clock), assistant.versions.store)
            await queue.load()

            async def answer(messages):
                with interrupting(lambda: assistant.stop(SPEAKING)):
                    found, version = await assistant.answer(
                        messages,
                        make_chat_sampling(options, model),
                        SPEAKING,
                        keeps=hears,
                        on_text=make_printer(options),
                    )
                kept = await assistant.hear(messages, queue) if hears else []
                told_by = await assistant.describe(found, version)
                if gone := told_by.get("forgot"):
                    await assistant.forget(gone)
                    await assistant.learner.finish_forgetting()
                    await queue.load()
                return found, {"oneseek": told_by, "remembered": [one["said"] for one in kept]}

            await _talk(options, model, answer)


async def _chat_with_adapter(options):
    """Chat with weights that come without a memory."""
    model, generator = await load_generator(options)

    async def answer(messages):
        chosen, messages = make_chat_sampling(options, model), await model.see(messages)
        found = generator.ask(messages, chosen, SPEAKING, on_text=make_printer(options))
        with interrupting(found.cancel):
            await generator.answer_all([found])
        return found, {}

    await _talk(options, model, answer)


async def _talk(options, model, answer):
    """Answer one line after another; nothing else happens while the next one is waited for."""
    log(f"{model.name} on {model.executor.name}; an empty line ends the chat")
    messages = []
    while text := read_line():
        said = {"role": "user", "content": text}
        messages.append(said if messages else await first_message(text, options, model))
        found, more = await answer(messages)
        show(options, {"text": found.text, **more}, "")
        for said in [] if options.json else more.get("remembered", ()):
            log(f"(remembered: {said})")
        messages.append({"role": "assistant", "content": found.text})
        if found.dropped:
            log(f"(the oldest {found.dropped} messages no longer fit the model's context)")


def make_printer(options):
    """A function that prints an answer while it grows."""
    return lambda piece: None if options.json else print(piece, end="", flush=True)


@contextlib.contextmanager
def interrupting(act):
    """Have Ctrl+C do this within the block, and end nothing else."""
    before = signal.signal(signal.SIGINT, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def read_line():
    """The next line; empty when the person wants to end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if sys.stdin.isatty():
            print("> ", end="", flush=True)
            wait_for_line()
        return sys.stdin.readline().strip()
    except KeyboardInterrupt:
        return ""
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for_line():
    """Wait until a line is typed. A signal ends the wait, also one that comes before it has begun;
    `input` would miss that until the next key."""
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    with woken, wakes:
        try:
            signal.set_wakeup_fd(wakes.fileno())
            select.select([sys.stdin, woken], [], [])
        finally:
            signal.set_wakeup_fd(-1)


def export_options(parser):
    forms = ("peft", "gguf", "merged", "certified", *external_training.FORMATS)
    parser.add_argument("--format", choices=forms, required=True,
                        help="peft, gguf: the adapter, for PEFT or llama.cpp; merged: the base "
                        "model with the adapter in its weights; certified: the adapter with its "
                        "history; dataset: the training data of a consolidation, or of --data, "
                        "for `oneseek train --engine torch`; trl: its taught examples alone, as "
                        "messages that any tool reads")  # fmt: skip
    parser.add_argument("--out", metavar="PATH", required=True, help="the folder or file to write")
    parser.add_argument("--lessons", metavar="FILE", type=Path,
                        help="dataset, trl: more facts, one {question, answer} per line")  # fmt: skip
    parser.add_argument("--data", metavar="FILE", type=Path,
                        help="dataset, trl: a data set, in place of the taught facts")  # fmt: skip


@command(model_options, export_options, teaching.settings_options)
def export(options):
    """Export an adapter: for PEFT or llama.cpp, merged into the base model, or with its history; or
    export the training data for another engine."""
    if options.format in external_training.FORMATS:
        external_training.export(options)
        return
    if not options.adapter:
        raise ValueError("no adapter was named. Name the one to export with --adapter DIR")
    if options.format == "certified":
        certified.export(options)
        return
    name, out = registry.one(options.model), Path(options.out)
    if options.format == "merged" and out.suffix in (".gguf", ".safetensors"):
        raise ValueError(
            f"a merged model is a folder, and {out.name} has the name of a file. Nothing was "
            "written. Name a folder with --out; `oneseek pack` then makes a GGUF file of it"
        )
    with contextlib.closing(registry.open_named(name)) as file:
        config = configure(file.config)
        trained, flat = load_adapter(Path(options.adapter), config)
        if options.format != "merged":
            only_lora(trained)
        if options.format == "peft":
            alone = asyncio.run(judging.alone(options))
            save_peft(out, trained, flat, file.name, behind=bool(alone), alone=alone)
        elif options.format == "gguf":
            write_whole(out, gguf_lora(trained, flat, config, file.architecture, out.stem))
        else:
            out.mkdir(parents=True, exist_ok=True)
            save_merged(out / "model.safetensors", file, trained, flat)
            for part, data in beside_weights(file).items():
                write_whole(out / part, data)
    show(options, {"path": str(out), "parameters": int(np.size(flat))}, f"wrote {out}")
