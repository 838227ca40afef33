"""Decides what to learn next, and how much of it there is: one order for every host, in the page's
tab and on a server.

Statements go into the memory first, in seconds. Work that was begun ends before anything new
begins, and consolidation, which takes hours, comes when nothing else waits or a person asks for it.
"""

MEMORY, BEGUN, LESSON = "memory", "begun", "lesson"
QUESTION, RUN, PRACTICE = "question", "run", "practice"
ORDER = (MEMORY, BEGUN, LESSON, QUESTION, RUN, PRACTICE)

LEAST_PRACTISED = 5  # lessons: consolidation of fewer has nothing to mix, and fails
TRAINED = "training"  # the kind of a version that a run over a data set made


def next_work(waits, asked=""):
    """Return the kind of work that comes next; `waits` says of each kind whether there is any. None
    when nothing waits. Consolidation that was `asked` for waits for nothing but the memory."""
    if asked == PRACTICE and not waits.get(MEMORY):
        return PRACTICE
    return next((kind for kind in ORDER if waits.get(kind)), None)


def count_unpractised_lessons(versions, rejections):
    """Count the lessons since the last consolidation, of one model's `versions` (newest first); 0
    when they are too few, or a consolidation was tried since and rejected."""
    if any(one["kind"] == TRAINED for one in versions):  # consolidation would begin without it
        return 0
    count = 0
    for version in versions:
        if version["kind"] == PRACTICE:
            break
        count += len(version["lessons"])
    newest = versions[0]["time"] if versions else 0
    tried = max([one["time"] for one in rejections] + [0])
    return count if count >= LEAST_PRACTISED and tried < newest else 0


def rounds_away(versions, stored):
    """Return {number: how many rounds are retrained when a version without weights is wanted}, 0
    where they are stored; `versions` in any order, `stored` numbers."""
    parents = {version["number"]: version["parent"] for version in versions}
    away = {}
    for number in sorted(parents):  # a parent is older than its child
        parent = parents[number]
        away[number] = 0 if number in stored else away.get(parent, 0) + 1
    return away
