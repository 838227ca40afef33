"""What a model thought before it answered, apart from what it said.

Only what was said is shown at once, kept in mind, and learned.
"""

BEGINS, ENDS = "<think>", "</think>"


def split_thought(text):
    """(what was thought, what was said) of an answer, also of one that still grows."""
    whole = text.lstrip()
    if not whole.startswith(BEGINS):
        return "", "" if whole and BEGINS.startswith(whole) else text
    thought, _, said = whole[len(BEGINS) :].partition(ENDS)
    return thought.strip(), said.lstrip()
