"""How well held-back examples are answered after a run: a sentence, and those still wrong."""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


def sentence(done):
    """`46 of 50 held-back examples right; before 0; with examples in the prompt 0.`"""
    before, base, prompted = (done[name] for name in ("before", "base", "prompted"))
    said = [t("doing.right", right=done["right"], of=done["of"])]
    as_many = done["right"] == before["right"]
    if done["measure"] == "overlap" or (done["measure"] == "fields" and as_many):
        shares = {"now": t.percent(done["score"]), "before": t.percent(before["score"])}
        said[0] += " " + t(
            "doing.words" if done["measure"] == "overlap" else "doing.parts", **shares
        )
    said.append(t("doing.before", right=before["right"]))
    if base != before:
        said.append(t("doing.base", right=base["right"]))
    if prompted["examples"]:
        said.append(t("doing.prompted", right=prompted["right"]))
    return "; ".join(said) + "."


def wrong(found):
    """The examples that are still wrong, folded: the question, the answer, the wanted answer."""
    rows = [
        dom.make(
            "tr", [dom.make("td", one[name], cls="wrap") for name in ("prompt", "said", "wanted")]
        )
        for one in found
    ]
    titles = [
        dom.make("th", t("doing." + name), scope="col") for name in ("asked", "said", "wanted")
    ]
    table = dom.make("table", dom.make("thead", dom.make("tr", titles)), dom.make("tbody", rows),
                     cls="data")  # fmt: skip
    inner = dom.make("div", table, cls="table-wrap", tabindex=0, role="region",
                     label=t("doing.wrong", n=len(rows)))  # fmt: skip
    return dom.make("details", dom.make("summary", t("doing.wrong", n=len(rows))), inner)


def taste(told):
    """`shorter, the answer first; 31 of 36 held-back choices`."""
    if not told:
        return ""
    traits = [t("taste." + key) for key in told["traits"]] or [t("taste.as_chosen")]
    return t("taste.told", words=", ".join(traits), won=told["won"], of=told["of"])
