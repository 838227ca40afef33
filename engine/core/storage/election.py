"""Elects the one tab that trains: a Web Lock elects it, a heartbeat shows it is alive, an epoch
fences off the rest.

A frozen tab keeps its lock, so the lock of a silent holder is stolen; the writes that it still
tries when it thaws fail on the epoch.
"""

from oneseek.engine.core.storage.store import new_epoch

LOCK = "oneseek-trainer"
BEAT_MS = 5000
SILENCE_MS = 15_000


class Election:
    """`hold(name, steal, held, lost)` asks for the lock (web/static/lock.js); `tell(text)` reaches
    the other tabs; `elected(epoch)` and `dismissed()` say when this tab's turn begins and ends."""

    def __init__(self, store, hold, tell, clock, tab, elected, dismissed):
        self.store = store
        self.hold = hold
        self.tell = tell
        self.clock = clock
        self.tab = tab
        self.elected = elected
        self.dismissed = dismissed
        self.request = None
        self.locked = False
        self.epoch = None
        self.heard = clock()
        self.beaten = None

    def stand(self, steal=False):
        """Ask for the lock; it comes when nobody else has it, at once when stolen."""
        self.heard = self.clock()
        self.request = self.hold(LOCK, steal, self._on_lock, self._on_lost)

    def resign(self):
        if self.request:
            self.request.release()
        self._on_lost()

    def hear(self, text):
        """Take note that another tab is alive and trains."""
        if text != self.tab:
            self.heard = self.clock()

    async def tick(self):
        """About every second: take the lead, show that this tab lives, or steal the lock of a
        silent one."""
        now = self.clock()
        if self.locked and self.epoch is None:
            epoch = await new_epoch(self.store, self.tab)
            if self.locked:
                self.epoch = epoch
                self.elected(epoch)
        if self.locked:
            if self.beaten is None or not 0 <= now - self.beaten < BEAT_MS:
                self.beaten = now
                self.tell(self.tab)
        elif now < self.heard:
            self.heard = now
        elif now - self.heard > SILENCE_MS:
            self.stand(True)

    def _on_lock(self):
        self.locked = True

    def _on_lost(self):
        was = self.epoch
        self.locked = False
        self.epoch = None
        self.beaten = None
        self.heard = self.clock()
        if was is not None:
            self.dismissed()
