"""A conversation as a tree of turns: editing or regenerating adds a branch, nothing is replaced.

A turn is a dict {id, chat, parent, role, text, time, state, ...}; the chat remembers its `leaf`,
the last turn of the branch that is shown.  Plain data, so that the same rules are tested natively;
the store keeps each turn under CHAT/ID.
"""

from oneseek.engine.core.collecting.content import normalise

MEMORY, SOURCE = "memory", "source"
"""Who answered a turn where the model did not: what was told, or a document."""
BEGINS, ENDS = "<think>", "</think>"  # around what a model thinks before it answers
IN_PICTURE = "[Text in the picture: %s]"
MANY = 500  # turns read at once; a model's context is full long before
SOME = 200


class Tree:
    """All turns of one chat, with the way from each to what came before and after it."""

    def __init__(self, turns=()):
        self.turns = {}
        self.after = {}
        self.shown = None
        for turn in turns:
            self.add(turn)

    def add(self, turn):
        self.shown = None
        self.turns[turn["id"]] = turn
        self.after.setdefault(turn["parent"], []).append(turn)

    def remove(self, turn):
        self.shown = None
        del self.turns[turn["id"]]
        self.after[turn["parent"]].remove(turn)
        if not self.after[turn["parent"]]:
            del self.after[turn["parent"]]

    def __getitem__(self, id):
        return self.turns[id]

    def branch(self, leaf):
        """The turns from the first to `leaf`, in order; cached, because it is asked for often."""
        if self.shown and self.shown[0] == leaf:
            return self.shown[1]
        end, found, seen = leaf, [], set()
        while leaf in self.turns and leaf not in seen:
            seen.add(leaf)
            found.append(self.turns[leaf])
            leaf = self.turns[leaf]["parent"]
        found.reverse()
        self.shown = (end, found)
        return found

    def siblings(self, turn):
        """Return every version of this turn, oldest first."""
        same = [t for t in self.after[turn["parent"]] if t["role"] == turn["role"]]
        return sorted(same, key=lambda t: (t["time"], t["id"]))

    def newest_leaf(self, start):
        """Return the end of the branch below `start` that was last worked on."""
        seen = set()
        while start in self.after and start not in seen:
            seen.add(start)
            start = max(self.after[start], key=lambda t: (t["time"], t["id"]))["id"]
        return start


def messages(shown, system="", sees=False):
    """Return what the model gets for a branch: its turns that have text, system prompt first,
    and the names of pictures where it `sees`. An answer of the memory or a document is marked as
    such."""
    given = [{"role": "system", "content": system}] if system else []
    for turn in shown:
        if turn["text"]:
            given.append(as_message(turn))
            if sees and turn.get("pictures"):
                given[-1]["pictures"] = [one["id"] for one in turn["pictures"]]
            if turn.get("by") in (MEMORY, SOURCE):
                given[-1]["by"] = turn["by"]
    return given


def as_message(turn):
    """Return a turn as a chat model gets it, with the text that was read in its pictures."""
    read = [IN_PICTURE % one["text"] for one in turn.get("pictures", ()) if one["text"]]
    return {"role": turn["role"], "content": "\n\n".join([turn["text"]] + read)}


def title(text, limit=60):
    """Return a chat's first name: its first line, cut at a word."""
    lines = text.strip().split("\n")
    line = " ".join(lines[0].split())
    if len(line) <= limit:
        return line
    cut = line[:limit].rsplit(" ", 1)[0]
    return (cut or line[:limit]) + "…"


def is_unfinished(turn):
    """Whether a turn was still being written when the page went away."""
    return turn["state"] == "streaming"


def matches(chat, turns, wanted):
    """Whether a chat's title or any of its turns contains `wanted`, whatever the case."""
    wanted = normalise(wanted)
    return any(wanted in normalise(text) for text in [chat["title"]] + [t["text"] for t in turns])


def as_markdown(chat, shown):
    """One chat as a text anyone can read."""
    names = {"user": "You", "assistant": "OneSeek", "system": "System"}
    parts = ["# %s" % chat["title"]]
    for turn in shown:
        version = " (%s)" % turn["version"] if turn.get("version") else ""
        parts.append("## %s%s\n\n%s" % (names[turn["role"]], version, turn["text"]))
    return "\n\n".join(parts) + "\n"


def as_openai(chat, shown):
    """One chat as a line of an OpenAI training file; ratings stay in its metadata."""
    ratings = {turn["id"]: turn["rating"] for turn in shown if turn.get("rating")}
    said = [as_message(turn) for turn in shown if turn["text"]]
    return {"messages": said, "metadata": {"title": chat["title"], "ratings": ratings}}


def as_sharegpt(shown):
    roles = {"user": "human", "assistant": "gpt", "system": "system"}
    said = [{"from": roles[t["role"]], "value": t["text"]} for t in shown if t["text"]]
    return {"conversations": said}


def split_thought(text):
    """Return (thought, answer) of a model's text, also of one that still grows. Only the answer is
    shown at once, used as context, and learned."""
    whole = text.lstrip()
    if not whole.startswith(BEGINS):
        return "", "" if whole and BEGINS.startswith(whole) else text
    thought, _, said = whole[len(BEGINS) :].partition(ENDS)
    return thought.strip(), said.lstrip()


async def load_turns(store, chat):
    """All turns of a chat; their keys start with its id."""
    found, after = [], chat + "/"
    while True:
        some = await store.all("messages", after, SOME)
        mine = [turn for key, turn in some if key.startswith(chat + "/")]
        found += mine
        if len(mine) < SOME:
            return found
        after = some[-1][0]


async def newest_turns(store, chat, wanted="", below=None):
    """Return the newest turns of a chat (before the key `below`), as many as reach the one that is
    `wanted`; and the key before which there are more, or None.

    The others are read when somebody goes back to them: MicroPython looks through everything it
    holds whenever it tidies up, in the middle of a key as well.
    """
    found, below = [], below or chat + "0"  # what follows the "/" of its keys
    while below:
        some = await store.all("messages", below, MANY, True)
        mine = [turn for key, turn in some if key.startswith(chat + "/")]
        found += mine
        below = mine[-1]["key"] if len(mine) == MANY else None
        if not wanted or wanted in [turn["id"] for turn in mine]:
            break
    return found, below
