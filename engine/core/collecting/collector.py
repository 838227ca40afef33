"""Turns what happens in the chat into examples: pairs across turns, corrections, thumbs, facts,
statements.

What a person excluded is not collected, and what looks like a secret is held back (in memory only)
until they decide.
"""

from oneseek.engine.core.collecting.content import content_hash, visible
from oneseek.engine.core.collecting.corrections import find_correction
from oneseek.engine.core.collecting.secrets import KINDS, NAMES, secrets_in
from oneseek.engine.core.collecting.statements import STATEMENT, find_facts
from oneseek.engine.core.exchange.entries import KEPT

SWITCHES = {"enable_chat_logging": True, "auto_collect": True}
KEEP_IT = (  # the replies of a person who wants a secret kept
    "keep it", "keep that", "save it", "save that", "remember it", "remember that",
    "behåll det", "behåll den", "spara det", "spara den", "kom ihåg det", "kom ihåg den",
)  # fmt: skip
BEFORE_IT = ("yes", "ok", "please", "ja", "jo")
BEHIND_IT = ("anyway", "please", "ändå", "tack")
EARLIER = 4  # earlier messages of a chat that a message may refer to
ELSEWHERE = ("enable_web_scraping", "enable_content_processing")  # the importers' part


class LooksSecret(ValueError):
    """A text looks like a secret and nobody has allowed it to be learned."""


class DataCollector:
    """`queue` is a SavedQueue, or a TrainingQueue without a store; `config` holds the switches by
    name, which may also be given alone; `language(text)` names a text's language, "und" when it
    cannot; `lessons(text, language)` is the worker's library, giving [{"prompt", "answer",
    "phrasings"}]; `understand(text, earlier)` tells which of a message's sentences state something,
    `earlier` being the person's messages before it: [{"said", "before", "replaces", "language",
    "unsure"}], of which the unsure ones wait for a yes; `user` is whose they are. Without `pairs`
    every fact is stored as it was said and no lesson is made of it."""

    def __init__(
        self,
        queue,
        config=None,
        language=None,
        lessons=None,
        understand=None,
        user="",
        pairs=True,
        **switches,
    ):
        chosen = dict(SWITCHES)
        chosen.update(config or {})
        chosen.update(switches)
        for name, value in chosen.items():
            if value not in (True, False) or not (
                name in SWITCHES or (name in ELSEWHERE and not value)
            ):
                raise TypeError(
                    "DataCollector cannot take %s=%r; its switches are %s, each True or False"
                    % (name, value, " and ".join(sorted(SWITCHES)))
                )
        self.queue = queue
        self.enable_chat_logging = chosen["enable_chat_logging"]
        self.auto_collect = chosen["auto_collect"]
        self.language = language or (lambda text: "und")
        self.lessons = lessons
        self.understand = understand
        self.user = user
        self.pairs = pairs
        self.excluded = set()
        self.held = {}
        self.turns = {}
        self.exchanges = {}

    # ---------------------------------------------------------------------------------- the chat

    def collect_all(self, on):
        """Make whole exchanges examples unasked, or stop that."""
        self.auto_collect = on

    async def log_message(self, message):
        """Take in one message {id, role, content, timestamp, chat}; return the records it
        became."""
        if not self.enable_chat_logging or self._is_excluded(message):
            self.turns.pop(message.get("chat", ""), None)
            return []
        if message["role"] == "user":
            return await self._log_statement(message)
        if message["role"] == "assistant":
            return await self._log_answer(message)
        return []

    async def log_feedback(self, message_id, thumb):
        """Thumb up (1) makes the exchange an approved example, down (-1) one that is not learned; 0
        takes it back. What was learned already stays: that is for forgetting."""
        exchange = self.exchanges.get(message_id)
        if exchange is None or message_id in self.excluded or exchange["chat"] in self.excluded:
            return []
        if thumb > 0:
            return await self._offer(exchange, "approved", "thumb up")
        id = content_hash(exchange["prompt"], exchange["answer"])
        if thumb == 0:
            await self.queue.change(lambda q: id in q.records and q.remove(id))
            return []
        if not secrets_in(exchange["prompt"] + "\n" + exchange["answer"]):
            await self._offer(exchange, "chat", "thumb down")
            await self.queue.change(lambda q: id in q.records and q.skip(id))
        return []

    async def correct(self, message_id, answer):
        """The person wrote what an answer should have been."""
        exchange = self.exchanges.get(message_id)
        return await self._offer_correction(exchange, answer, message_id) if exchange else []

    def exclude(self, chat_or_message):
        """Collect nothing of this chat or message from now on."""
        self.excluded.add(chat_or_message)
        self.turns.pop(chat_or_message, None)

    def include(self, chat_or_message):
        self.excluded.discard(chat_or_message)

    # ----------------------------------------------------------------------------------- secrets

    async def release(self, held_id):
        """Queue what was held back, because the person looked at it and wants it learned."""
        example, priority, state = self.held.pop(held_id)["offer"]
        return [await self.queue.change(lambda q: q.add(_prioritise(example, priority), state))]

    def discard(self, held_id):
        self.held.pop(held_id, None)

    # ------------------------------------------------------------------------------------ inside

    def _is_excluded(self, message):
        return message["id"] in self.excluded or message.get("chat", "") in self.excluded

    async def _log_statement(self, message):
        chat, text = message.get("chat", ""), visible(message["content"]).strip()
        before = self.turns.get(chat)
        if held := self._find_held(before) if before and allows_secret(text) else []:
            found = []
            for id in held:
                found += await self.release(id)
            return found
        right = before and before.get("answer") and find_correction(text, before)
        if right and self.pairs:
            return await self._offer_correction(
                dict(before, **right), right["answer"], message["id"]
            )
        earlier = list_recent_prompts(before) if before else []
        self.turns[chat] = {"prompt": text, "id": message["id"], "chat": chat, "earlier": earlier}
        found, facts = [], self._facts(text) if self.pairs else []
        across = self._across(text, facts)
        for lesson in facts:
            fact = dict(lesson, chat=chat, id=message["id"])
            found += await self._offer(fact, "approved", "fact", across)
        if self.understand:
            for one in await self.understand(text, earlier):
                if not any([fact["said"] in one["said"] for fact in facts]) or one["replaces"]:
                    found += await self._keep(one, chat, message["id"], text)
        return found

    def _find_held(self, turn):
        """The ids of the secrets held back in the newest message, up to a turn, that has any."""
        for said in reversed(list_recent_prompts(turn)):
            if held := [id for id in self.held if self._is_of(id, turn["chat"], said)]:
                return held
        return []

    def _is_of(self, held_id, chat, said):
        """Whether a held-back example comes from one of these messages of a chat."""
        example = self.held[held_id]["offer"][0]
        return example["source"]["chat"] == chat and text_said(example) in said

    def _across(self, text, facts):
        """Return the kinds of secrets that only the whole message shows, such as a card number over
        two lines: they hold back each of its facts."""
        kinds = secrets_in(text) if facts else []
        return [] if any([kinds_in(fact) for fact in facts]) else kinds

    async def _keep(self, statement, chat, id, message):
        """Store a statement, which is its own question, because it is found by its text. Beside a
        secret nothing of a message is stored without a word."""
        source = {"kind": "chat", "chat": chat, "message": id}
        if self.user:
            source["user"] = self.user
        for name in ("before", "replaces"):
            if statement[name]:
                source[name] = statement[name]
        example = {
            "kind": STATEMENT,
            "prompt": statement["said"],
            "answer": statement["said"],
            "language": statement["language"] or self.language(statement["said"]),
            "source": source,
            "why": STATEMENT,
        }
        state = "held" if statement["unsure"] else KEPT
        return await self._add(example, "approved", state, secrets_in(message))

    def _facts(self, text):
        facts = []
        for said, (language, question, answer) in find_facts(text):
            facts.append({"prompt": question, "answer": answer, "language": language, "said": said})
        if facts and self.lessons:
            facts = self.lessons(text, facts[0]["language"]) or facts
        return [dict(fact, kind="fact", said=fact.get("said", text)) for fact in facts]

    async def _log_answer(self, message):
        chat, text = message.get("chat", ""), visible(message["content"]).strip()
        turn = self.turns.get(chat)
        if not turn or not text:
            return []
        exchange = {"prompt": turn["prompt"], "answer": text, "chat": chat, "id": message["id"]}
        exchange["earlier"] = turn.get("earlier") or []
        self.turns[chat] = exchange
        self.exchanges[message["id"]] = exchange
        if not self.auto_collect:
            return []
        return await self._offer(exchange, "chat", "chat")

    async def _offer_correction(self, exchange, answer, message_id):
        corrected = dict(exchange, answer=visible(answer).strip(), kind="correction", id=message_id)
        self.turns[exchange["chat"]] = dict(exchange, answer=corrected["answer"])
        return await self._offer(corrected, "correction", "correction")

    async def _offer(self, found, priority, why, kinds=()):
        source = {"kind": "chat", "chat": found["chat"], "message": found["id"]}
        if found.get("said"):
            source["said"] = found["said"]
        example = {
            "kind": found.get("kind", "exchange"),
            "prompt": found["prompt"],
            "answer": found["answer"],
            "phrasings": found.get("phrasings", []),
            "language": found.get("language") or self.language(found["prompt"]),
            "source": source,
            "why": why,
        }
        return await self._add(example, priority, "ready", kinds)

    async def _add(self, example, priority, state, kinds):
        words = [visible(example["prompt"]), visible(example["answer"])]
        example["prompt"], example["answer"] = words
        example["phrasings"] = [visible(one) for one in example.get("phrasings", [])]
        kinds = kinds_in(example) or kinds
        if kinds:
            id = content_hash(words[0], words[1])
            self.held[id] = {"offer": (example, priority, state), "kinds": kinds}
            return []
        record = await self.queue.change(lambda q: q.add(_prioritise(example, priority), state))
        return [record] if record else []


def text_said(fact):
    """Return the words of a message that a fact was told in."""
    return fact["source"].get("said") or fact["answer"]


def allows_secret(text):
    """Whether a message only says that the secret before it is to be kept."""
    words = text.lower().replace(",", " ").rstrip(".! ").split()
    while words and words[0] in BEFORE_IT:
        words.pop(0)
    while words and words[-1] in BEHIND_IT:
        words.pop()
    return " ".join(words) in KEEP_IT


def find_allowed(text, earlier):
    """Return the place of the newest of a person's messages before a text whose secret the text
    allows to be kept; -1 where it allows none."""
    if not allows_secret(text):
        return -1
    newest = range(len(earlier) - 1, max(-1, len(earlier) - 1 - EARLIER), -1)
    return next((at for at in newest if secrets_in(earlier[at])), -1)


def list_recent_prompts(turn):
    """Return a person's last messages up to a turn."""
    return ((turn.get("earlier") or []) + [turn["prompt"]])[-EARLIER:]


def _prioritise(example, priority):
    priced = dict(example)
    priced["priority"] = priority
    return priced


def kinds_in(lesson):
    """Return the kinds of secrets that a lesson seems to hold, in its wordings too."""
    words = [lesson["prompt"], lesson["answer"]] + list(lesson.get("phrasings") or ())
    return secrets_in("\n".join(words))


def split_secrets(lessons):
    """Return the lessons to queue, those that look like a secret, and the kinds of these."""
    fit, secret, found = [], [], set()
    for lesson in lessons:
        kinds = kinds_in(lesson)
        (secret if kinds else fit).append(lesson)
        found.update(kinds)
    return fit, secret, [kind for kind in KINDS if kind in found]


def refuse_secrets(kinds):
    """Raise LooksSecret if there are kinds of secrets; the words say which and how to allow it."""
    if kinds:
        what = " and ".join([NAMES[kind] for kind in kinds])
        raise LooksSecret(
            "the text seems to contain %s. It was not stored and is not learned. "
            "Send it again with allow_secrets: true to store and learn it" % what
        )
