"""What looks like a secret is left out of what is learned until a person allows it."""

from oneseek.engine.core.collecting.secrets import KINDS, NAMES, secrets_in


class LooksSecret(ValueError):
    """Something looks like a secret and nobody has allowed it to be learned."""


def kinds_in(lesson):
    """The kinds of secrets that a lesson seems to hold, in its wordings too."""
    words = [lesson["prompt"], lesson["answer"]] + list(lesson.get("phrasings") or ())
    return secrets_in("\n".join(words))


def split_secrets(lessons):
    """The lessons to be queued, those that look like a secret, and the kinds of those."""
    fit, secret, found = [], [], set()
    for lesson in lessons:
        kinds = kinds_in(lesson)
        (secret if kinds else fit).append(lesson)
        found.update(kinds)
    return fit, secret, [kind for kind in KINDS if kind in found]


def refuse_secrets(kinds):
    """Raise where there are kinds of secrets; the words say which and how to allow it."""
    if kinds:
        what = " and ".join([NAMES[kind] for kind in kinds])
        raise LooksSecret(
            "this looks like %s. It was not stored and is not learned. "
            "Send it again with allow_secrets: true to have it learned" % what
        )
