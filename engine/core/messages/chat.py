"""Questions and their answers, in the chat and through the HTTP API."""

from oneseek.engine.core.messages.worker import Event, Request
from oneseek.engine.core.wire import Message, message


@message
class Answered(Message):
    """A whole answer, the prefix included.

    `dropped` counts the messages the model did not see; `ended` is end, length, stop or repeats;
    `version` is a label; `asked_in` and `language` are the languages of question and answer: sv,
    en, ... or und. `by` says who answered: base, memory (the base, saying what the memory knows),
    version, skill or source (a document, quoted); `facts` what it used of what was told, [{id,
    question, score, source}]; `skill` the name of the skill that answered; `places` what it quotes,
    [{id, title, text, start, end, ...}]; `forgets` the ids of the facts that it says to forget, as
    it was asked to.
    """

    fields = {
        "text": str,
        "tokens": int,
        "tokens_per_second": float,
        "first_token_ms": float,
        "context_used": int,
        "context_size": int,
        "dropped": int,
        "version": str,
        "asked_in": str,
        "language": str,
        "ended": str,
        "by": str,
        "facts": list,
        "skill": str,
        "places": list,
        "forgets": list,
    }


@message
class Ask(Request):
    """Answer a conversation; Token events carry the answer while it comes.

    `messages` is the branch, the system prompt first; the `pictures` of one, where the model sees,
    are the names of files in OPFS pictures/. `options`: temperature, top_p (the model's own where
    left out), max_tokens, seed (-1 is any), version (a number, 0 the untouched model; left out, the
    one in use), prefix (an answer to continue), language (the one the person reads the page in),
    think (before answering, where the model can), steer (keep it from going round in circles, and
    end an answer that does all the same), keeps (the person's statements here are stored: a small
    model's reply to a message that wants nothing says so), source (the id of the document that is
    to answer, None for none; without it all of them may, after the memory). Failed has the detail
    too-long where the last message alone is more than the model reads.
    """

    fields = {"id": str, "chat": str, "messages": list, "options": dict}
    answer = Answered


@message
class Stop(Request):
    """End the answer `id` within a token; its Ask is then Answered with ended "stop"."""

    fields = {"id": str}


@message
class ReadAhead(Request):
    """What is being typed, after a moment without a key, so that the fact it may ask for is looked
    up before it is sent."""

    fields = {"text": str}


@message
class Statements(Message):
    """The sentences of a message that are kept as they were said: [{said, before, replaces,
    language, unsure}], `before` the words that they lean on and `replaces` the ids of what they
    replace; about those that are `unsure` the person is asked."""

    fields = {"items": list}


@message
class Hear(Request):
    """Find the sentences of a message that state something of the person's own; `earlier` is what
    they wrote before it, the newest last."""

    fields = {"text": str, "earlier": list}
    answer = Statements


@message
class Token(Event):
    """The next piece of the answer `id`, never half a character."""

    fields = {"id": str, "text": str}


@message
class CallApi(Request):
    """A request to the HTTP API that the service worker caught; `body` is base64. Answered in
    ApiPart events."""

    fields = {
        "id": str,
        "method": str,
        "path": str,
        "query": str,
        "headers": list,
        "body": str,
    }


@message
class LeaveApi(Request):
    """The client of the request `id` to the HTTP API is gone; nobody waits for the rest of its
    answer."""

    fields = {"id": str}


@message
class ApiPart(Event):
    """A piece of the answer to CallApi `id`: the first has the status and the headers, the rest the
    body."""

    fields = {"id": str, "status": int, "headers": list, "body": str, "last": bool}


@message
class ApiWork(Event):
    """A request to the HTTP API has something to learn, for which Learn of kind question opens a
    round."""
