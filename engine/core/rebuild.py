"""Which versions have no weights stored, and from how many rounds each is trained again when
wanted."""


def rounds_away(versions, stored):
    """{number: rounds}, 0 where the weights are there; `versions` in any order, `stored`
    numbers."""
    parents = {version["number"]: version["parent"] for version in versions}
    away = {}
    for number in sorted(parents):  # a parent is older than its child
        parent = parents[number]
        away[number] = 0 if number in stored else away.get(parent, 0) + 1
    return away
