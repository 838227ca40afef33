"""Of what an import gives, that which looks like a secret: it is left out until a person allows
it."""

from oneseek.engine.core.collecting.secrets import secrets_in


def apart(lessons):
    """The lessons to be queued, and those that look like a secret."""
    fit, secret = [], []
    for lesson in lessons:
        words = [lesson["prompt"], lesson["answer"]] + list(lesson.get("phrasings") or ())
        (secret if secrets_in("\n".join(words)) else fit).append(lesson)
    return fit, secret
