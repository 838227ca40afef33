"""What a chat may teach: the facts a person states in it, only what they teach by a button, or
nothing."""

FACTS, TAUGHT, NOTHING = LEVELS = ("facts", "taught", "nothing")


def usually(settings):
    """For chats of which nothing else was said; earlier settings knew only whether facts are
    taken."""
    return settings["learn_from"] or (FACTS if settings["collect"] else TAUGHT)


def of_chat(settings, chat):
    if chat in settings["private_chats"]:  # as earlier settings said it
        return NOTHING
    return settings["chats_learn"].get(chat) or usually(settings)


def change(settings, chat, level):
    """The settings with another word about one chat."""
    kept = dict(settings["chats_learn"])
    kept[chat] = level
    private = [one for one in settings["private_chats"] if one != chat]
    return {"chats_learn": kept, "private_chats": private}


def find_closed(settings):
    """The chats of which a person said that they teach nothing."""
    kept = [chat for chat, level in settings["chats_learn"].items() if level == NOTHING]
    return set(kept) | set(settings["private_chats"])
