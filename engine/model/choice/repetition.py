"""Detects and penalises repetition, where a small model says one piece of text over and over."""

LONGEST = 64
"""Tokens of the longest piece that is looked for."""

TIMES = 3
"""How often the piece has to stand there in a row."""

LEAST = 48
"""Tokens that have to be repetition: a line of dashes or a chorus of a song is shorter."""


def goes_round(ids: list[int]) -> bool:
    """Whether the last tokens are one piece of at most LONGEST, TIMES in a row and LEAST long in
    all."""
    return any(
        ids[-1 - piece] == ids[-1] and repeats(ids, piece)
        for piece in range(1, LONGEST + 1)
        if len(ids) >= span(piece)
    )


def span(piece: int) -> int:
    return max(TIMES * piece, LEAST)


def repeats(ids: list[int], piece: int) -> bool:
    tail = ids[-span(piece) :]
    return tail[piece:] == tail[:-piece]


UNTOUCHED = 2
"""Tokens in a row that may be said again freely."""

STRENGTH, GROWTH = 0.8, 1.75
"""Nats against the first token after that, and how many times more against each later one."""

STRONGEST = 64.0


def penalise_repeats(ids: list[int]) -> dict[int, float]:
    """Return token -> nats against it, the most first: each token that would continue a repetition
    of earlier text (DRY: "don't repeat yourself"). The longer the repetition, the more."""
    found: dict[int, int] = {}
    if len(ids) <= UNTOUCHED:
        return {}
    last = len(ids) - 1
    for at in range(last):
        if ids[at] != ids[last]:
            continue
        length = 1
        while length <= at and length < LONGEST and ids[at - length] == ids[last - length]:
            length += 1
        if length > UNTOUCHED:
            follows = ids[at + 1]
            found[follows] = max(found.get(follows, 0), length)
    ordered = sorted(found.items(), key=lambda one: -one[1])
    return {token: -nats(length) for token, length in ordered}


def nats(length: int) -> float:
    return min(STRONGEST, STRENGTH * GROWTH ** (length - UNTOUCHED))
