"""How far a round is and how long it still takes, from what its parts took the last time on this
device.

A round gets ready, takes its steps and is checked.  What each part costs is remembered for the
model and what it computes on; where nothing was measured yet, a guess by the model's size is
corrected by the parts that are over.
"""

PARTS = ("ready", "steps", "checking")
# Milliseconds for a million parameters: SmolLM2 in Chromium, on two cores and on an H200.
GUESS = {
    "cpu": {"ready": 112.0, "step": 26.0, "checking": 42.0},
    "gpu": {"ready": 72.0, "step": 2.8, "checking": 17.0},
}
STEPS = 16  # of a lesson, where none was seen
BELIEF = 4  # steps that the expected cost counts as, beside the steps measured in this round
OVERTIME = 0.15  # of what a part took so far: what it still takes once it took longer than expected

FAR = 2  # times what was told: then the estimate was wrong, and no number is told
NEARLY = 0.9  # done: where a part stands that was expected to be over
AT_THE_END = 5  # seconds: of these twice as much is not far


class Effort:
    """`known` is what `measure_costs` gave after the last round of this kind, or None."""

    def __init__(self, known, parameters, lessons=1, back_end="cpu"):
        millions = parameters / 1e6
        self.cost = known or {name: each * millions for name, each in GUESS[back_end].items()}
        self.steps = (known or {}).get("steps", STEPS) * lessons
        self.lessons = lessons
        self.part = "ready"
        self.spent = {part: 0.0 for part in PARTS}
        self.first = self.step = 0
        self.now = 0.0  # spent since the last step
        self.shown = 0.0
        self.said = None  # (gear, seconds left) as a person read it last

    def spend(self, milliseconds):
        self.spent[self.part] += milliseconds
        self.now += milliseconds

    def on_step(self, step, steps):
        """A step is done; `steps` is how many there are at most."""
        if self.part == "ready":
            self.first = step
        self.step, self.now = step, 0.0
        self.part = "checking" if step >= steps else "steps"
        self.steps = step if self.part == "checking" else min(steps, max(self.steps, step + 1))

    def left_ms(self):
        """Of computing, in the parts that are not over."""
        left, here = 0.0, PARTS.index(self.part)
        for place, part in enumerate(PARTS):
            if place > here:
                left += self.estimate(part) * self.slower()
            elif place == here and part == "steps":
                each = self.of_a_step()
                left += (self.steps - self.step) * each - min(self.now, 0.8 * each)
            elif place == here:
                spent = self.spent[part]
                left += max(self.estimate(part) * self.slower() - spent, OVERTIME * spent)
        return left

    def estimate(self, part):
        if part == "steps":
            return self.cost["step"] * max(1, self.steps - self.step)
        return self.cost[part]

    def of_a_step(self):
        """As measured in this round, more and more as there are more of them."""
        done, spent = self.step - self.first, self.spent["steps"] - self.now
        return (spent + BELIEF * self.cost["step"] * self.slower()) / (done + BELIEF)

    def slower(self):
        """How much longer than expected the parts took that are over."""
        over = PARTS[: PARTS.index(self.part)]
        over = [part for part in over if self.spent[part]]
        expected = {
            "ready": self.cost["ready"],
            "steps": self.cost["step"] * max(1, self.step - self.first),
        }
        if not over:
            return 1.0
        ratio = sum(self.spent[part] for part in over) / sum(expected[part] for part in over)
        return min(10.0, max(0.1, ratio))

    def share(self):
        """How much of it is done, from 0 to 1; never less than it was. Each step counts the same,
        and getting ready and checking as many steps as they usually take."""
        steps = max(1, self.steps - self.first)
        weights = dict(self.cost, steps=self.cost["step"] * steps)
        here = PARTS.index(self.part)
        done = sum(weights[part] for part in PARTS[:here])
        done += weights[self.part] * self.share_of_part(steps)
        total = sum(weights[part] for part in PARTS)
        self.shown = max(self.shown, done / total if total else 0.0)
        return self.shown

    def share_of_part(self, steps):
        """How much of the part under way is done; one that takes longer than expected is nearly
        over until it is."""
        if self.part != "steps":
            expected = self.estimate(self.part) * self.slower()
            return min(NEARLY, self.spent[self.part] / expected if expected else 0.0)
        each = self.of_a_step()
        begun = min(NEARLY, self.now / each if each else 0.0)
        return min(1.0, (self.step - self.first + begun) / steps)

    def say(self, seconds, gear):
        """The seconds left to tell a person: never more than were told before at this speed. None
        once those were far too few."""
        if self.said is None or self.said[0] != gear:
            self.said = gear, seconds
        least = min(self.said[1], seconds)
        self.said = gear, least
        return least if seconds <= FAR * least + AT_THE_END else None

    def measure_costs(self):
        """What the next round of this kind is judged by; None when it did not come to its end."""
        steps = self.step - self.first
        if self.part != "checking" or steps < 1:
            return None
        return {
            "ready": self.spent["ready"],
            "step": self.spent["steps"] / steps,
            "steps": max(1, self.step // self.lessons),
            "checking": self.spent["checking"],
        }
