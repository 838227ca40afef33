"""The words about learning: what it does, how far it is, how long it takes here, what typing does.

The pill, Activity, the queue, Memory and the line under a message all use these words, so that they
agree.
"""

from oneseek.web.lib.words import t


def describe_round(page):
    """The subject of the round under way, in the person's own words where there are some."""
    training = page.training
    lessons = training.leased
    if not training.kind:
        return t("learn.next")
    if training.kind == "memory":
        told = training.remembering and page.teaching.queue.records.get(training.remembering)
        if not told:
            return t("learn.memory_again")
        return t("learn.memory", text=told["answer"].rstrip("."))
    if training.kind == "lesson" and len(lessons) == 1:
        return t("learn.lesson", text=lessons[0]["answer"])
    if training.kind == "lesson" and lessons:
        return t("learn.lessons", n=len(lessons))
    return t("learn." + training.kind) if t.has("learn." + training.kind) else t("learn.again")


def sentence(page):
    """The state of learning in full, for Activity and for whoever asks."""
    facts = page.status.facts
    if not page.model:
        return no_model(page)
    if facts["round"]:
        return under_way(page)
    ready, held = count_waiting(page)
    if page.presence.paused_by_user:
        return t("learn.off", n=ready)
    if ready and facts["countdown"]:
        return t("learn.soon", n=ready, time=t.duration(facts["countdown"]))
    if ready:
        return t("learn.wait", n=ready, time=t.duration(page.settings["idle_seconds"]))
    return t("learn.held", n=held) if held else t("activity.idle")


def no_model(page):
    """Why there is no model yet: it is on its way, or a person has to choose."""
    coming = page.model_loader.busy or page.choice.will_load()
    return t("learn.loading" if coming else "activity.no_model")


def under_way(page):
    facts, training = page.status.facts, page.training
    parts = [describe_round(page)]
    if training.tunes():
        parts.append(t("learn.part_tuning"))
    elif training.kind != "memory":  # which is a matter of seconds
        parts.append(part(training) + ", " + t.percent(training.share()) + ".")
    if facts["paused"]:
        parts.append(t("learn.paused", why=t("paused." + facts["paused"])))
        return " ".join(parts)
    if facts["countdown"]:
        parts.append(t("learn.goes_on", time=t.duration(facts["countdown"])))
        return " ".join(parts)
    if not training.tunes():
        parts += time_left(training)
    if training.kind != "memory":
        parts.append(t("learn." + training.gear()))
    return " ".join(parts)


def time_left(training):
    """How long the round still takes; the figure never grows while it is shown."""
    if not training.effort:
        return []
    gear = training.gear()
    left = training.effort.say(training.seconds_left(), gear)
    if left is None:
        return [t("learn.longer")]
    return [t("learn.left_" + gear, time=t.duration(left))]


def part(training):
    return t("learn.part_" + (training.effort.part if training.effort else "ready"))


def short(page):
    """A word and the share, for the pill."""
    if page.training.kind == "memory":
        return t("state.remembering")
    if page.training.tunes():
        return t("state.training")
    name = "evaluating" if page.status.facts["round"] == "checking" else "training"
    return t("state." + name) + " " + t.percent(page.training.share())


def count_waiting(page):
    """(lessons that will be learned by themselves, those that wait for a yes)."""
    states = page.teaching.queue.counts["state"]
    return states.get("ready", 0), states.get("held", 0)


def no_lesson_now(page):
    """Why "Learn now" would do nothing, or an empty string."""
    ready, held = count_waiting(page)
    if not page.model:
        return no_model(page)
    if page.status.facts["round"] or ready or page.training.has_questions():
        return ""
    return t("learn.held", n=held) if held else t("activity.idle")
