"""The turns of a chat as the store keeps them.

Of a long chat the newest are read when it is opened and the others when somebody goes back to them:
MicroPython looks through everything it holds whenever it tidies up, in the middle of a key as well.
"""

MANY = 500  # a model's context is full long before
SOME = 200


async def stored_turns(store, chat):
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
    """The newest turns of a chat (before the key `below`), as many as reach the one that is
    `wanted`; and the key before which there are more, or None."""
    found, below = [], below or chat + "0"  # what follows the "/" of its keys
    while below:
        some = await store.all("messages", below, MANY, True)
        mine = [turn for key, turn in some if key.startswith(chat + "/")]
        found += mine
        below = mine[-1]["key"] if len(mine) == MANY else None
        if not wanted or wanted in [turn["id"] for turn in mine]:
            break
    return found, below
