"""Decides when the page may train: a share of the time, in idle moments, while somebody is there;
all of the time once nobody is.

Clock, idle source, grants and sleep come from outside, so a day can be simulated in a second;
web/learning has the real ones.
"""

WINDOW_MS = 10_000
QUIET_MS = {"typing": 1500, "scrolling": 500, "sending": 1500, "pointer": 300}
QUIET = ("typing", "sending", "scrolling", "pointer", "idle")
LOW_BATTERY = 0.5
AWAY_MS = 30_000  # without a sign of anybody for so long, nobody is there
LONG_MS = 200  # a slice where nobody is there, or of what a person waits for
SOON_MS = 100  # between looks whether an answer that is given has ended
UNSEEN_MS = 20_000  # in a hidden tab, whose timers the browser slows down to a minute
ASLEEP_MS = 120_000  # the computer slept, or its clock was set: who woke it up is there
AFTER_FAULT_MS = 5_000
IDLE_MS = 200  # the wait for an idle moment: a page that is never idle must not stop learning
AUTO, ALWAYS, NEVER = "auto", "always", "never"


class DutyCycle:
    """Grants add up to `share` of the time that passes.

    Allowance accrues with time and never beyond two slices, so neither sleep nor a clock that jumps
    leads to a burst; what a slice used too much is taken from the next ones.
    """

    def __init__(self, now):
        self.allowance = 0.0
        self.seen = now
        self.slices = []
        self.total = 0.0

    def accrue(self, now, share, cap):
        if now < self.seen:
            self.slices = []
        passed = max(0, now - self.seen)
        self.seen = now
        self.allowance = min(cap, self.allowance + passed * share)
        while self.slices and self.slices[0][0] < now - WINDOW_MS:
            self.slices.pop(0)

    def spend(self, now, used, owed=True):
        """Record time used. What was given beyond the share is not `owed`: later slices are not cut
        for it."""
        if owed:
            self.allowance -= used
        self.total += used
        self.slices.append((now, used))

    def measure_share(self, now):
        """Return the share actually used over the last ten seconds."""
        return sum([used for at, used in self.slices if at >= now - WINDOW_MS]) / WINDOW_MS


class TrainingScheduler:
    """`grant(ms)` trains for about so long and returns {"used_ms", "finished"}, with "slice_ms"
    when not all of that was one slice; `idle(timeout)` waits for an idle moment and returns how
    many ms of it are left; `has_work()` says whether anything is to be trained."""

    def __init__(
        self, config, clock, grant, idle, has_work, idle_after_ms=2000, takes_seconds=lambda: False
    ):
        self.config = config
        self.clock = clock
        self.grant = grant
        self.idle = idle
        self.has_work = has_work
        self.idle_after_ms = idle_after_ms
        self.takes_seconds = takes_seconds
        self.rules = {"hidden": AUTO, "battery": AUTO, "alone": AUTO}
        self.duty = DutyCycle(clock())
        self.blocks = {}
        self.quiet_until = {}
        self.seen_at = clock()
        self.hidden = False
        self.power = {"charging": True, "level": 1.0}
        self.scheduled = False
        self.forced = False
        self.granting = False
        self.count = 0
        self.last_trained = None
        self.longest = 0.0
        self.asked = None
        self.yielded = 0
        self.busy_since = None  # only moments too short for a slice came since then

    # ------------------------------------------------------------------------------- the public

    def start(self):
        self.scheduled = True
        self.duty.accrue(self.clock(), 0, 0)

    def stop(self):
        self.scheduled = False
        self.forced = False

    def force_training(self):
        """Train now without waiting for idle time and beyond the share, until a round is finished.
        A person typing or waiting for an answer still comes first."""
        self.blocks.pop("user", None)
        self.scheduled = True
        self.forced = True

    def configure(self, config):
        self.config = config

    def update_config(self, **changes):
        self.config = self.config.replace(**changes)

    def start_after(self, milliseconds):
        """Set how long quiet has to last; the quiet that has begun counts too."""
        if "idle" in self.quiet_until:
            self.quiet_until["idle"] += milliseconds - self.idle_after_ms
        self.idle_after_ms = milliseconds

    def pause(self):
        self.block("user")

    def resume(self):
        self.unblock("user")

    def get_stats(self):
        now = self.clock()
        trained = self.last_trained
        return {
            "is_scheduled": self.scheduled,
            "is_training_active": self.granting,
            "training_count": self.count,
            "time_since_last_training": None if trained is None else max(0, now - trained),
            "paused_because": self.explain_pause(now),
            "starts_in_ms": self.starts_in(now),
            "duty_asked": self.share(),
            "duty_measured": self.duty.measure_share(now),
            "used_ms": self.duty.total,
            "longest_slice_ms": self.longest,
            "last_yield_ms": self.yielded,
        }

    # ---------------------------------------------------------------------- what happens outside

    def activity(self, kind):
        """Someone is typing, scrolling, sending or moving the pointer."""
        now = self.seen_at = self.clock()
        self.quiet_until[kind] = now + QUIET_MS[kind]
        if kind in ("typing", "sending"):
            self._await_quiet()

    def _await_quiet(self):
        self.quiet_until["idle"] = self.clock() + self.idle_after_ms

    def is_active(self):
        """Whether somebody is at the page, or was a moment ago."""
        return not self.hidden and self.clock() - self.seen_at < AWAY_MS

    def is_alone(self):
        """Whether training may have the machine: nobody is there, on mains, and the person allows
        it."""
        away = self.clock() - self.seen_at >= AWAY_MS
        return away and self.power["charging"] and self.rules["alone"] != NEVER

    def share(self):
        """Return the share of the time that training may use now."""
        return 1.0 if self.at_once() or self.is_alone() else self.config.max_cpu_usage

    def at_once(self):
        """Whether the work waits for no long quiet and goes beyond the share: a person asked for
        it, or it `takes_seconds`."""
        return self.forced or self.takes_seconds()

    def is_sparing(self):
        """Whether training uses one core: on battery or in a hidden tab, unless a person forced
        it."""
        return not self.forced and (self.hidden or not self.power["charging"])

    def throw_away(self):
        """A person rejected the work under way: nothing begins before quiet has lasted again."""
        self.forced = False
        self._await_quiet()

    def inference_started(self):
        self.asked = self.clock() if self.granting else None
        self.block("inference")

    def inference_ended(self):
        self.unblock("inference")
        self._await_quiet()

    def set_hidden(self, hidden):
        self.hidden = hidden

    def set_power(self, charging, level):
        self.power = {"charging": charging, "level": level}

    def block(self, reason):
        """Stop for a named reason ("other tab", "storage", "device lost") until it is taken
        back."""
        self.blocks[reason] = True

    def unblock(self, reason):
        self.blocks.pop(reason, None)

    # ---------------------------------------------------------------------------------- deciding

    def explain_pause(self, now):
        """Return why nothing may be trained now, as one word; nothing when it may."""
        if not self.scheduled:
            return "stopped"
        if not self.config.enable_background_training and not self.forced:
            return "off"
        for reason in sorted(self.blocks):
            if reason != "inference" or self.config.pause_on_inference:
                return reason
        for kind in QUIET:
            if now < self.quiet_until.get(kind, now) and not (kind == "idle" and self.at_once()):
                return kind
        return "" if self.forced else self._place_because()

    def _place_because(self):
        saving = not self.power["charging"]
        if self.hidden and self._refuses("hidden", saving):
            return "hidden"
        if saving and self._refuses("battery", self.power["level"] < LOW_BATTERY):
            return "battery"
        return ""

    def _refuses(self, rule, when_auto):
        return self.rules[rule] == NEVER or self.rules[rule] == AUTO and when_auto

    def starts_in(self, now):
        """Return the milliseconds until quiet has lasted long enough; for the countdown."""
        return max([0] + [until - now for until in self.quiet_until.values()])

    async def turn(self):
        """Run at most one slice; return how many ms to wait before the next turn."""
        now = self.clock()
        if now < self.duty.seen:
            self.quiet_until = {}
        if not 0 <= now - self.duty.seen <= ASLEEP_MS + self.config.check_interval_ms:
            self.seen_at = now
        cap = 2 * self.config.max_idle_time_ms
        self.duty.accrue(now, self.config.max_cpu_usage, cap)
        pause = self.explain_pause(now)
        if pause or not self.has_work():
            return min(self._look_again(pause, now), self.config.check_interval_ms)
        if self.at_once() or self.is_alone():
            await self._slice(self._choose_slice_ms(), owed=False)
            return 0
        wanted = max(self.config.max_idle_time_ms, self.config.min_idle_time_ms)
        if self.duty.allowance < wanted:
            missing = (wanted - self.duty.allowance) / self.config.max_cpu_usage
            return min(missing, self.config.check_interval_ms)
        budget = await self._idle_moment()
        if budget and not self.explain_pause(self.clock()):
            await self._slice(budget)
        return 0

    def _look_again(self, pause, now):
        """Return the ms until a pause may be over: once quiet has lasted, soon after an answer that
        something waits for, else at the usual interval."""
        if pause in QUIET:
            return self.quiet_until[pause] - now
        soon = pause == "inference" and self.at_once()
        return SOON_MS if soon else self.config.check_interval_ms

    async def _idle_moment(self):
        """Return how long a slice may be now, 0 when the moment is too short. After a while without
        one that is long enough it takes the promised share all the same."""
        left = await self.idle(IDLE_MS)
        if left >= self.config.min_idle_time_ms:
            self.busy_since = None
            return min(left, self.config.max_idle_time_ms)
        if self.busy_since is None:
            self.busy_since = self.clock()
        if self.clock() - self.busy_since < IDLE_MS:
            return 0
        self.busy_since = None
        return self.config.max_idle_time_ms

    def _choose_slice_ms(self):
        return UNSEEN_MS if self.hidden and self.is_alone() else LONG_MS

    async def _slice(self, budget, owed=True):
        self.granting = True
        try:
            result = await self.grant(budget)
        finally:
            self.granting = False
        now, slice_ms = self.clock(), result.get("slice_ms", result["used_ms"])
        if self.asked is not None:  # a person pressed Send while this slice was under way
            if slice_ms == result["used_ms"]:  # a round being opened yields, and ends later
                self.yielded = now - self.asked
            self.asked = None
        self.duty.accrue(now, self.config.max_cpu_usage, 2 * self.config.max_idle_time_ms)
        self.duty.spend(now, result["used_ms"], owed)
        self.longest = max(self.longest, slice_ms)
        self.last_trained = now
        self.count += 1
        if result["finished"]:
            self.forced = False

    async def run(self, sleep, failed):
        """The page's loop: take turns as long as it is scheduled; `sleep(ms)` waits. A turn that
        fails is reported with `failed(fault)`; learning continues after a while."""
        while self.scheduled:
            try:
                wait = await self.turn()
            except Exception as fault:
                failed(fault)
                wait = AFTER_FAULT_MS
            if wait or not self.hidden:  # in a hidden tab the shortest sleep takes a second
                await sleep(wait)
