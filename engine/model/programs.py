"""The programs OneSeek runs: answer, learn, compare. Each is traced once per shape.

Everything that changes from call to call (tokens, positions, who sees whom, targets, rates) is
data; everything known beforehand is in the program.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from oneseek.engine.compiler.grad import grad
from oneseek.engine.compiler.ir import OPS, Program, Value
from oneseek.engine.compiler.ops.random import CANDIDATES
from oneseek.engine.compiler.schedule import fuse, recompute
from oneseek.engine.model.families import transformer
from oneseek.engine.model.llama import Config, Llama, Stored, Tokens
from oneseek.engine.model.trainable import Trained

TARGETS = 32  # tokens of the base model's answer kept per position; cross-entropy uses one
HEAD_ROWS = 64  # rows of logits alive at once while learning; a GPU binds at multiples of 256 bytes
RECENT = 64  # tokens a repetition penalty looks back
PUSHED = 8  # tokens a remembered answer may push at once
NORM_PARTS = 256
CHEAP = (
    "rmsnorm",
    "swiglu",
    "geglu",
    "convolved",
)  # computing them again costs less than keeping them


def answer(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    cache_rows: int,
    positions: int,
    trained: Trained | None = None,
    pictured: bool = False,
) -> Program:
    """T tokens in, into the cache; for the R rows asked for, their 64 likeliest next tokens and
    the one drawn. Where some are `pictured`, their states are given."""
    program = Program(f"answer {tokens}x{rows}" + (" adapted" if trained else ""))
    model = transformer(program, config, stored, positions, trained)
    given = Tokens.inputs(program, tokens, True, config.width * pictured)
    x = model.states(given, cache_rows)
    if rows != tokens:
        x = OPS["rows"](x, program.input("take", (rows,), "i32"))
    recent = program.input("recent", (rows, RECENT), "i32")
    penalty = program.input("penalty", (rows,))
    ids, logprobs = OPS["candidates"](push_logits(model.logits(x)), recent, penalty)
    knobs, seeds = program.input("knobs", (rows, 3)), program.input("seeds", (rows,), "u32")
    program.output("ids", ids)
    program.output("logprobs", logprobs)
    program.output("token", OPS["draw"](ids, logprobs, knobs, seeds))
    return fuse(program)


def carry(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    cache_rows: int,
    positions: int,
    trained: Trained | None = None,
) -> Program:
    """Copy rows of the cache to other places, so that what conversations have in common is computed
    once."""
    program = Program(f"carry {tokens}")
    sources, slots = (program.input(name, (tokens,), "i32") for name in ("sources", "slots"))
    for name, cols in config.cache_cols.items():
        cache = program.input(name, (cache_rows, cols))
        OPS["cache_write"](cache, OPS["rows"](cache, sources), slots)
    return program


def push_logits(logits: Value) -> Value:
    """Return logits with up to PUSHED tokens of each row raised or lowered by given nats."""
    program, (rows, words) = logits.program, logits.shape
    amounts = program.input("push_amounts", (rows * PUSHED, 1))
    places = program.input("push_places", (rows * PUSHED,), "i32")  # of row r: r * words + token
    push = OPS["rows_dtable"](amounts, places, count=rows * words)
    return logits + push.reshape(rows, words)


def frozen_layers(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    layers: int,
    positions: int,
    trained: Trained | None = None,
) -> Program:
    """Output the states after the first `layers` for T packed tokens: where nothing is trained
    there, they are the same for every variant."""
    program = Program(f"below {tokens} of {layers}")
    model = transformer(program, config, stored, positions)
    program.output("states", model.states(Tokens.inputs(program, tokens), layers=layers))
    return fuse(program)


Chosen = Callable[[Value, int], None]  # called with some rows of logits, and the first of them


def head_loss(model: Llama, x: Value, choose: Chosen | None = None) -> tuple[Value, Value, Value]:
    """Return the losses [R] of the rows `take` of x, these rows, and the gradient with respect to
    them, chunk by chunk so that only HEAD_ROWS rows of logits ever exist."""
    program, rows = model.program, model.program.inputs["take"].spec.size
    picked = OPS["rows"](x, program.inputs["take"])
    normed = model.last_norm(picked)
    width, losses = normed.spec.cols, program.buffer((rows,))
    dnormed = program.buffer(normed.shape)
    ids = program.input("target_ids", (rows, TARGETS), "i32")
    probs = program.input("target_probs", (rows, TARGETS))
    rest, weight = program.input("target_rest", (rows,)), program.input("weight", (rows,))
    for first in range(0, rows, HEAD_ROWS):
        count = min(HEAD_ROWS, rows - first)
        targets = (
            ids.view(first * TARGETS, (count, TARGETS)),
            probs.view(first * TARGETS, (count, TARGETS)),
            rest.view(first, (count,)),
            weight.view(first, (count,)),
        )
        logits = model.head(normed.view(first * width, (count, width)))
        if choose:
            choose(logits, first)
        dlogits, loss = OPS["soft_cross_entropy"](logits, *targets)
        program.place(loss, losses, first)
        program.place(model.head_dx(dlogits), dnormed, first * width)
    return losses, normed, dnormed


def by_choices(program: Program, losses: Value, dnormed: Value, choices: int) -> Value:
    """The gradient of a preference loss from those of its tokens, [R, width].

    The loss is `own` times the token losses, plus, of each choice, `share` times the negative
    log-sigmoid of its margin: `signs` times the token losses, plus `offset`. With the base's
    losses in `offset` this is DPO, and of one answer alone the loss of a single mark.
    """
    rows, width = dnormed.shape
    signs, offset = program.input("signs", (choices, rows)), program.input("offset", (choices, 1))
    share, own = program.input("share", (choices, 1)), program.input("own", (rows, 1))
    column = losses.reshape(rows, 1)
    won = OPS["log_sigmoid"](OPS["matmul"](signs, column, offset))
    (each,) = grad({won: OPS["neg"](share)}, [column])
    return dnormed * OPS["spread"](each + own, times=width).reshape(rows, width)


def gradients(
    program: Program,
    model: Llama,
    tokens: int,
    rows: int,
    keep_blocks: int | None,
    choices: int = 0,
    pictured: bool = False,
    first: int = 0,
) -> list[Value]:
    """Add forward, loss and backward; return the gradient of each stretch of the flat array, with
    `first` of those from that layer on. Each is allocated while the activations of its layer are
    freed, so together they need no more memory."""
    trained = model.trained
    assert trained is not None
    program.input("take", (rows,), "i32")
    given = Tokens.inputs(program, tokens, pictured=model.config.width * pictured)
    x = model.states(given, first=first)
    losses, normed, dnormed = head_loss(model, x)
    if choices:
        dnormed = by_choices(program, losses, dnormed, choices)
    backward = len(program.steps)
    program.output("losses", losses)
    above = trained.stretches_from(first)
    stretches = [program.buffer((size,)) for _, size, _ in above]
    for stretch, (_, size, names) in zip(stretches, above, strict=True):
        if size > sum(prod(trained.entries[name][1]) for name in names):
            OPS["clear"](stretch)  # the gaps between the entries are zero
    wrt = [trained.value(program, name) for _, _, names in above for name in names]
    made = iter(grad({normed: dnormed}, wrt))
    for stretch, (begin, _, names) in zip(stretches, above, strict=True):
        for name in names:
            program.place(next(made), stretch, trained.entries[name][0] - begin)
    if keep_blocks is not None:
        border = len(model.blocks) - keep_blocks
        cheap = model.blocks[border:]
        recompute(program, cheap, backward, CHEAP)
        recompute(program, model.blocks[:border], backward)
    return stretches


def update(program: Program, trained: Trained, gradients: list[Value], begin: int = 0) -> None:
    """Add the global norm over everything, then one AdamW step, stretch by stretch from place
    `begin` of the flat array on."""
    flat = program.inputs.get(trained.name) or program.input(trained.name, (trained.size,))
    moments = [program.input(f"{trained.name}.{n}", (trained.size,)) for n in "mv"]
    sums = program.buffer((NORM_PARTS * len(gradients),))
    for i, gradient in enumerate(gradients):
        program.place(OPS["square_sums"](gradient, parts=NORM_PARTS), sums, NORM_PARTS * i)
    norm = program.output("norm", OPS["root"](sums))
    hyper = program.input("hyper", (8,))
    for gradient in gradients:
        size = gradient.spec.size
        state = (array.view(begin, (size,)) for array in (flat, *moments))
        OPS["adamw"](*state, gradient, norm, hyper)
        begin += size


def add_proximal_term(
    program: Program, trained: Trained, gradients: list[Value], begin: int = 0
) -> list[Value]:
    """The gradients with those of mu / 2 |w - w0|^2: `pull` is mu everywhere, `away` is -mu w0."""
    whole = [program.inputs.get(trained.name) or program.input(trained.name, (trained.size,))]
    whole += [program.input(f"{trained.name}.{n}", (trained.size,)) for n in ("pull", "away")]
    found = []
    for gradient in gradients:
        size = gradient.spec.size
        weights, pull, away = (array.view(begin, (size,)) for array in whole)
        found.append(gradient + (weights * pull + away))
        begin += size
    return found


def learn(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained,
    dropout: float = 0.0,
    keep_blocks: int | None = None,
    near: bool = False,
    choices: int = 0,
    pictured: bool = False,
    first: int = 0,
) -> Program:
    """One training step on T packed tokens, R of them with targets: the weights change. `near` adds
    the proximal term, `choices` the preference loss of as many, `pictured` the states of pictures;
    from layer `first` on, the states `below` are given, and nothing below it is trained. With
    `keep_blocks` only the last `keep_blocks` layers keep their activations for the backward pass,
    and even they not those of CHEAP ops."""
    program = Program(f"learn {tokens}x{rows}" + f" above {first}" * bool(first))
    model = transformer(program, config, stored, positions, trained, dropout)
    found = gradients(program, model, tokens, rows, keep_blocks, choices, pictured, first)
    begin = trained.stretches_from(first)[0][0]
    found = add_proximal_term(program, trained, found, begin) if near else found
    update(program, trained, found, begin)
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
    choices: int = 0,
    pictured: bool = False,
) -> Program:
    """As `learn`, but the gradient is added to a total and the weights stay; see `apply`."""
    program = Program(f"accumulate {tokens}x{rows}")
    model = transformer(program, config, stored, positions, trained, dropout)
    total, first = program.input(f"{trained.name}.total", (trained.size,)), 0
    every = gradients(program, model, tokens, rows, keep_blocks, choices, pictured)
    for gradient in every:
        OPS["accumulate"](total.view(first, gradient.shape), gradient)
        first += gradient.spec.size
    return fuse(program)


def apply(trained: Trained) -> Program:
    """The update after several `accumulate`s; the total starts again at zero."""
    program = Program("apply")
    total = program.input(f"{trained.name}.total", (trained.size,))
    update(program, trained, [total])
    OPS["clear"](total)
    return fuse(program)


def select_states(model: Llama, tokens: int, rows: int, first: int) -> Value:
    """Return the input of the head at R of T tokens."""
    program = model.program
    x = model.states(Tokens.inputs(program, tokens), first=first)
    return model.last_norm(OPS["rows"](x, program.input("take", (rows,), "i32")))


def states(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained | None = None,
    first: int = 0,
) -> Program:
    """Output the input of the head at R of T tokens, for a later comparison. From layer `first` on,
    the states `below` are given: so in the programs that follow."""
    program = Program(f"states {tokens}x{rows}")
    model = transformer(program, config, stored, positions, trained)
    program.output("states", select_states(model, tokens, rows, first))
    return fuse(program)


def thoughts(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained | None = None,
    first: int = 0,
) -> Program:
    """Output what `answer` would choose from at R of T tokens that are all given: the 64
    likeliest."""
    program = Program(f"thoughts {tokens}x{rows}" + (" adapted" if trained else ""))
    model = transformer(program, config, stored, positions, trained)
    width, x = config.width, select_states(model, tokens, rows, first)
    choose = make_chooser(program, rows)
    for first in range(0, rows, HEAD_ROWS):
        count = min(HEAD_ROWS, rows - first)
        choose(model.head(x.view(first * width, (count, width))), first)
    return fuse(program)


def make_chooser(program: Program, rows: int) -> Chosen:
    """A function that outputs the likeliest tokens of R rows of logits, with log-probabilities."""
    recent = program.input("recent", (rows, RECENT), "i32")
    penalty = program.input("penalty", (rows,))
    named = {"ids": "i32", "logprobs": "f32"}
    made = [program.output(n, program.buffer((rows, CANDIDATES), k)) for n, k in named.items()]

    def choose(logits: Value, first: int) -> None:
        seen = recent.view(first * RECENT, (logits.spec.rows, RECENT))
        found = OPS["candidates"](logits, seen, penalty.view(first, (logits.spec.rows,)))
        for value, whole in zip(found, made, strict=True):
            program.place(value, whole, first * CANDIDATES)

    return choose


def compare(
    config: Config,
    stored: dict[str, Stored],
    tokens: int,
    rows: int,
    positions: int,
    trained: Trained,
    first: int = 0,
) -> Program:
    """Run the adapted model over tokens of which the base's `states` are known; output for R rows
    the KL between them, and whether their top tokens agree."""
    program = Program(f"compare {tokens}x{rows}")
    adapted = transformer(program, config, stored, positions, trained)
    base = transformer(program, config, stored, positions)
    states = (
        (base, program.input("base", (rows, config.width))),
        (adapted, select_states(adapted, tokens, rows, first)),
    )
    kl, same = program.buffer((rows,)), program.buffer((rows,))
    for first in range(0, rows, HEAD_ROWS):
        count = min(HEAD_ROWS, rows - first)
        logits = [
            model.head(x.view(first * config.width, (count, config.width))) for model, x in states
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
    first: int = 0,
    chosen: bool = False,
) -> Program:
    """Output the losses of `learn` without the learning: how well the model predicts given targets;
    if `chosen` also what `thoughts` outputs."""
    program = Program(f"score {tokens}x{rows}" + (" adapted" if trained else ""))
    program.input("take", (rows,), "i32")
    model = transformer(program, config, stored, positions, trained)
    x = model.states(Tokens.inputs(program, tokens), first=first)
    losses, _, _ = head_loss(model, x, make_chooser(program, rows) if chosen else None)
    program.output("losses", losses)
    return fuse(program)
