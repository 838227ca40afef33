"""The skills, in Activity: how well each answers what was held back, its mistakes, whether more
examples help, and the buttons to teach it again and to remove it."""

from oneseek.engine.core.messages import RemoveSkill
from oneseek.engine.core.settings import SKILL_DATA
from oneseek.web.learning.panels import evaluation
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

LONGEST_NAME = 40
NAME = "[a-z0-9][a-z0-9_\\-]*"


class SkillList:
    def __init__(self, page):
        self.page = page
        dom.verbs(
            {
                "teach-again": lambda of, el: self.teach(of),
                "remove-skill": lambda of, el: self.remove(of),
            }
        )

    async def section(self):
        """Every skill of the loaded model, and every one that is not one yet."""
        rows = []
        for name in await names(self.page):
            rows.append(row(name, await load_teaching(self.page, name)))
        teach = dom.button(t("skills.title"), "teach-skill", drawing="teach", cls="small")
        teach.disabled = not (self.page.model and self.page.model.trainable)
        return dom.make(
            "section",
            dom.make("h3", t("skills.heading")),
            dom.make("p", t("skills.text"), cls="note"),
            teach,
            dom.make("ol", rows, cls="list", id="skills") if rows else None,
        )

    async def teach(self, name):
        """Begin a run over the examples that the skill has now."""
        await self.page.training_runs.begin(SKILL_DATA + name, name)

    async def remove(self, name):
        """Remove the skill, its examples, and what was trained on them."""
        if await self.page.learning.tell(RemoveSkill(name=name)):
            self.page.toast(t("skills.removed", name=name))
            self.page.touch("state", "versions")


def name_box(**attributes):
    """A field for the name of a skill."""
    limits = {"pattern": NAME, "maxlength": LONGEST_NAME, "title": t("skills.name_form")}
    return dom.make(
        "input", type="text", name="skill", autocapitalize="none", **limits, **attributes
    )


async def names(page):
    """The names of the skills, and of those that are not one yet."""
    model, found = page.choice.model_id(), []
    for key in await page.store.keys("state"):
        for before in ("skill.%s." % model, "taught.%s." % model):
            if key.startswith(before) and key[len(before) :] not in found:
                found.append(key[len(before) :])
    return sorted(found)


async def load_teaching(page, name):
    """What came of teaching a skill; None when an earlier version of OneSeek taught it."""
    return await page.store.get("state", "taught.%s.%s" % (page.choice.model_id(), name))


def row(name, told):
    wrong = told["wrong"] if told else []
    look = t("skills.correct", n=len(wrong)) if wrong else t("skills.add")
    again = None
    if told and told["changed"]:
        again = dom.button(t("skills.teach_again"), "teach-again", name, "seed", cls="small")
    return dom.make(
        "li",
        dom.make("b", name),
        [dom.make("p", one) for one in outcome(told)],
        [dom.make("p", one, cls="note") for one in advice(told)],
        curve(told["points"]) if told and len(told["points"]) > 1 else None,
        dom.make(
            "div",
            dom.button(look, "skill-examples", name, cls="small"),
            again,
            dom.button(t("skills.remove", name=name), "remove-skill", name, cls="small"),
            cls="row",
        ),
        cls="item",
    )


def outcome(told):
    """How well the skill answers what was held back, in sentences."""
    if not told:
        return []
    if not told["doing"]:
        return [t("skills.untaught", n=told["examples"])]
    said = evaluation.sentence(told["doing"])
    if not told["accepted"]:
        said = t("runs.refused", reason=said)
    return [said] + ([t("skills.changed", n=told["changed"])] if told["changed"] else [])


def advice(told):
    """Whether more examples would help, and of which kinds."""
    if not told:
        return []
    found = []
    if told["doing"] and told["examples"] < told["least"]:
        found.append(t("skills.few", n=told["examples"], least=told["least"]))
    if told["seldom"]:
        found.append(t("skills.seldom", kinds=", ".join(told["seldom"])))
    points = told["points"]
    if len(points) > 1:
        last, before = share(points[-1]), share(points[-2])
        found.append(t("skills.helped" if last > before else "skills.helped_not"))
    return found


def share(point):
    """(share that is right, score) of what was held back; the score decides between equal
    shares."""
    return (point["right"] / point["of"], point["score"])


def curve(points):
    """How much of what was held back is right, by the number of examples, as bars."""
    bars = []
    for one in points:
        words = t("skills.point", n=one["examples"], right=one["right"], of=one["of"])
        meter = dom.make("meter", min=0, max=one["of"], label=words)
        meter.value = one["right"]
        bars.append(dom.make("li", dom.make("span", words), meter))
    return dom.make("ul", bars, cls="curve", label=t("skills.curve"))
