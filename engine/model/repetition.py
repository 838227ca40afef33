"""When a small model goes round in circles: the end of an answer is one piece of text, over and
over."""

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
