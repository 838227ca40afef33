"""The progress of a round and its time left, from what its parts took the last time on this device.

A round gets ready, takes its steps and is checked. The cost of each part is stored for the model
and the back end; until it was measured, a guess by the model's size is corrected by the parts that
are over.
"""

PARTS = ("ready", "steps", "checking")
# Milliseconds for a million parameters: SmolLM2 in Chromium, on two cores and on an H200.
GUESS = {
    "cpu": {"ready": 112.0, "step": 26.0, "checking": 42.0},
    "gpu": {"ready": 72.0, "step": 2.8, "checking": 17.0},
}
STEPS = 16  # steps of a lesson, before one was measured
BELIEF = 4  # weight of the expected cost, in steps, beside the steps measured in this round
OVERTIME = 0.15  # share of its time so far that an overdue part is expected to take still

FAR = 2  # times the figure shown: beyond that the estimate was wrong, and none is shown
NEARLY = 0.9  # share at which an overdue part stands
AT_THE_END = 5  # seconds allowed beyond that: twice as much of a few is not far


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
        """Note a step; `steps` is how many there are at most."""
        if self.part == "ready":
            self.first = step
        self.step, self.now = step, 0.0
        self.part = "checking" if step >= steps else "steps"
        self.steps = step if self.part == "checking" else min(steps, max(self.steps, step + 1))

    def left_ms(self):
        """The milliseconds of computing in the parts that are not over."""
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
        """The milliseconds of a step: the expected ones at first, more and more the measured
        ones."""
        done, spent = self.step - self.first, self.spent["steps"] - self.now
        return (spent + BELIEF * self.cost["step"] * self.slower()) / (done + BELIEF)

    def slower(self):
        """The factor by which the parts that are over took longer than expected."""
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
        """The share of the round that is done, from 0 to 1; it never falls. Each step counts the
        same, and getting ready and checking as many steps as they usually take."""
        steps = max(1, self.steps - self.first)
        weights = dict(self.cost, steps=self.cost["step"] * steps)
        here = PARTS.index(self.part)
        done = sum(weights[part] for part in PARTS[:here])
        done += weights[self.part] * self.share_of_part(steps)
        total = sum(weights[part] for part in PARTS)
        self.shown = max(self.shown, done / total if total else 0.0)
        return self.shown

    def share_of_part(self, steps):
        """The share of the part under way that is done; an overdue part is nearly done until it is
        over."""
        if self.part != "steps":
            expected = self.estimate(self.part) * self.slower()
            return min(NEARLY, self.spent[self.part] / expected if expected else 0.0)
        each = self.of_a_step()
        begun = min(NEARLY, self.now / each if each else 0.0)
        return min(1.0, (self.step - self.first + begun) / steps)

    def say(self, seconds, gear):
        """The seconds left to show: never more than before at this speed. None once the figure
        shown was far too small."""
        if self.said is None or self.said[0] != gear:
            self.said = gear, seconds
        least = min(self.said[1], seconds)
        self.said = gear, least
        return least if seconds <= FAR * least + AT_THE_END else None

    def measure_costs(self):
        """The costs that the next round of this kind is expected to have; None if this one did not
        come to its end."""
        steps = self.step - self.first
        if self.part != "checking" or steps < 1:
            return None
        return {
            "ready": self.spent["ready"],
            "step": self.spent["steps"] / steps,
            "steps": max(1, self.step // self.lessons),
            "checking": self.spent["checking"],
        }
