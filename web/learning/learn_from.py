"""The levels of what a chat may teach: the facts a person states in it, only what they teach by a
button, or nothing."""

FACTS, TAUGHT, NOTHING = LEVELS = ("facts", "taught", "nothing")


def usually(settings):
    """The level of chats without one of their own; earlier settings had only `collect`."""
    return settings["learn_from"] or (FACTS if settings["collect"] else TAUGHT)


def of_chat(settings, chat):
    if chat in settings["private_chats"]:  # earlier settings stored it so
        return NOTHING
    return settings["chats_learn"].get(chat) or usually(settings)


def change(settings, chat, level):
    """The settings with another level for one chat."""
    kept = dict(settings["chats_learn"])
    kept[chat] = level
    private = [one for one in settings["private_chats"] if one != chat]
    return {"chats_learn": kept, "private_chats": private}


def find_closed(settings):
    """The chats that may teach nothing."""
    kept = [chat for chat, level in settings["chats_learn"].items() if level == NOTHING]
    return set(kept) | set(settings["private_chats"])
