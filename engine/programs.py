"""The programs OneSeek runs: answer, learn, compare. Each is traced once per shape.

Everything that changes from call to call (tokens, positions, who sees whom, targets, rates) is
data; everything known beforehand is in the program.
"""

from __future__ import annotations

from engine.grad import grad
from engine.ir import OPS, Program, Value
from engine.model import Config, Llama, Stored, Tokens
from engine.schedule import fuse, recompute
from engine.trained import Trained

TARGETS = 32  # tokens of the base model's answer kept per position; cross-entropy uses one
HEAD_ROWS = 64  # rows of logits alive at once while learning; a GPU binds at multiples of 256 bytes
RECENT = 64  # tokens a repetition penalty looks back
NORM_PARTS = 256


def answer(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    cache_rows: int,
    positions: int,
    trained: Trained | None = None,
) -> Program:
    """T tokens in, into the cache; for the R rows asked for, their 64 likeliest next tokens and
    the one drawn."""
    program = Program(f"answer {tokens}x{rows}" + (" adapted" if trained else ""))
    model = Llama(program, config, stored, positions, trained)
    x = model.states(Tokens.inputs(program, tokens, cached=True), cache_rows)
    if rows != tokens:
        x = OPS["rows"](x, program.input("take", (rows,), "i32"))
    recent = program.input("recent", (rows, RECENT), "i32")
    penalty = program.input("penalty", (rows,))
    ids, logprobs = OPS["candidates"](model.logits(x), recent, penalty)
    knobs, seeds = program.input("knobs", (rows, 3)), program.input("seeds", (rows,), "u32")
    program.output("ids", ids)
    program.output("logprobs", logprobs)
    program.output("token", OPS["draw"](ids, logprobs, knobs, seeds))
    return fuse(program)


def head_loss(model: Llama, x: Value) -> tuple[Value, Value, Value]:
    """Losses of the rows `take` of x, and the gradient with respect to those rows, chunk by chunk
    so that only HEAD_ROWS rows of logits ever exist. -> losses [R], rows, their gradient."""
    program, rows = model.program, model.program.inputs["take"].spec.size
    picked = OPS["rows"](x, program.inputs["take"])
    normed = model.norm(picked, "model.norm")
    width, losses = normed.spec.cols, program.buffer((rows,))
    dnormed = program.buffer(normed.shape)
    ids = program.input("target_ids", (rows, TARGETS), "i32")
    probs = program.input("target_probs", (rows, TARGETS))
    rest, weight = program.input("target_rest", (rows,)), program.input("weight", (rows,))
    name = "model.embed_tokens.weight" if model.config.tied else "lm_head.weight"
    for first in range(0, rows, HEAD_ROWS):
        count = min(HEAD_ROWS, rows - first)
        targets = (
            ids.view(first * TARGETS, (count, TARGETS)),
            probs.view(first * TARGETS, (count, TARGETS)),
            rest.view(first, (count,)),
            weight.view(first, (count,)),
        )
        logits = model.head(normed.view(first * width, (count, width)), name)
        dlogits, loss = OPS["soft_cross_entropy"](logits, *targets)
        program.place(loss, losses, first)
        program.place(model.head_dx(dlogits, name), dnormed, first * width)
    return losses, normed, dnormed


def gradients(
    program: Program, model: Llama, tokens: int, rows: int, keep_blocks: int | None, into: str
) -> None:
    """Forward, loss and backward; the gradient of the flat array goes to the input `into`."""
    trained = model.trained
    assert trained is not None
    program.input("take", (rows,), "i32")
    x = model.states(Tokens.inputs(program, tokens))
    losses, normed, dnormed = head_loss(model, x)
    backward = len(program.steps)
    program.output("losses", losses)
    gradient = program.input(into, (trained.size,))
    names = list(trained.entries)
    wrt = [trained.value(program, name) for name in names]
    for name, value in zip(names, grad({normed: dnormed}, wrt), strict=True):
        program.place(value, gradient, trained.entries[name][0])
    blocks = model.blocks if keep_blocks is None else model.blocks[: -keep_blocks or None]
    if keep_blocks is not None:
        recompute(program, blocks, backward)


def update(program: Program, trained: Trained, gradient: Value) -> None:
    """The global norm over everything, then one AdamW step."""
    flat = program.inputs.get(trained.name) or program.input(trained.name, (trained.size,))
    moments = (program.input(f"{trained.name}.{n}", (trained.size,)) for n in "mv")
    norm = OPS["root"](OPS["square_sums"](gradient, parts=NORM_PARTS))
    program.output("norm", norm)
    OPS["adamw"](flat, *moments, gradient, norm, program.input("hyper", (8,)))


def learn(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained,
    dropout: float = 0.0,
    keep_blocks: int | None = None,
) -> Program:
    """One training step: T packed tokens, R of them with targets, and the weights change.
    With `keep_blocks` only the last so many layers keep their activations for the way back."""
    program = Program(f"learn {tokens}x{rows}")
    model = Llama(program, config, stored, positions, trained, dropout)
    gradients(program, model, tokens, rows, keep_blocks, f"{trained.name}.gradient")
    update(program, trained, program.inputs[f"{trained.name}.gradient"])
    return fuse(program)


def accumulate(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained,
    dropout: float = 0.0,
    keep_blocks: int | None = None,
) -> Program:
    """As `learn`, but the gradient is added to a total and the weights stay; see `apply`."""
    program = Program(f"accumulate {tokens}x{rows}")
    model = Llama(program, config, stored, positions, trained, dropout)
    gradients(program, model, tokens, rows, keep_blocks, f"{trained.name}.gradient")
    total = program.input(f"{trained.name}.total", (trained.size,))
    OPS["accumulate"](total, program.inputs[f"{trained.name}.gradient"])
    return fuse(program)


def apply(trained: Trained) -> Program:
    """The update after several `accumulate`s; the total starts again at zero."""
    program = Program("apply")
    total = program.input(f"{trained.name}.total", (trained.size,))
    update(program, trained, total)
    OPS["clear"](total)
    return fuse(program)


def compare(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained,
) -> Program:
    """The base and the adapted model over the same tokens: for R rows the KL between them, and
    whether both like the same token best."""
    program = Program(f"compare {tokens}x{rows}")
    program.input("take", (rows,), "i32")
    known = Tokens.inputs(program, tokens)
    states = []
    for which in (None, trained):
        model = Llama(program, config, stored, positions, which)
        picked = OPS["rows"](model.states(known), program.inputs["take"])
        states.append((model, model.norm(picked, "model.norm")))
    kl, same = program.buffer((rows,)), program.buffer((rows,))
    name = "model.embed_tokens.weight" if config.tied else "lm_head.weight"
    for first in range(0, rows, HEAD_ROWS):
        count = min(HEAD_ROWS, rows - first)
        logits = [
            model.head(x.view(first * config.width, (count, config.width)), name)
            for model, x in states
        ]
        for value, whole in zip(OPS["divergence"](*logits), (kl, same), strict=True):
            program.place(value, whole, first)
    program.output("kl", kl)
    program.output("same", same)
    return fuse(program)


def score(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained | None = None,
) -> Program:
    """The losses of `learn` without the learning: what the model makes of given targets."""
    program = Program(f"score {tokens}x{rows}" + (" adapted" if trained else ""))
    program.input("take", (rows,), "i32")
    model = Llama(program, config, stored, positions, trained)
    losses, _, _ = head_loss(model, model.states(Tokens.inputs(program, tokens)))
    program.output("losses", losses)
    return fuse(program)
