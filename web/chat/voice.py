"""Speech by the browser itself, spoken and recognised on this device only; off by default.

The browser says which of its voices are local; dictation is offered where its recogniser says that
it has the language here (`processLocally`). Speech that would leave the device is not offered.
"""

import js
from pyscript.ffi import to_js

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


class Voice:
    def __init__(self, page):
        self.page = page
        self.button = dom.by_id("dictate")
        self.hearing = None
        dom.listen("click", self.button, self.dictate)
        page.watch(self.offer, "settings", "words")
        dom.verbs(
            {
                "aloud": lambda of, el: self.speak(self.page.chat.tree[of]),
            }
        )

    # -------------------------------------------------------------------------------- listening

    async def offer(self):
        """Show the microphone when it is switched on and recognition stays on this device."""
        self.button.hidden = not (self.page.settings["voice"] and await self.hears())
        asked = "true" if self.page.settings["voice"] else "false"
        js.document.documentElement.setAttribute("data-voice", asked)

    async def hears(self):
        recogniser = getattr(js, "SpeechRecognition", None)
        if recogniser is None or not hasattr(recogniser, "available"):
            return False
        wanted = to_js({"langs": [t.language], "processLocally": True})
        return await recogniser.available(wanted) == "available"

    def dictate(self, event):
        """Start or end dictation; the words are added to the field, and are not sent."""
        if self.hearing is not None:
            self.hearing.stop()
            return
        self.hearing = js.SpeechRecognition.new()
        self.hearing.lang, self.hearing.processLocally = t.language, True
        dom.listen("result", self.hearing, self.on_result)
        dom.listen("end", self.hearing, self.on_end)
        self.hearing.start()
        dom.change(self.button, aria_pressed="true")

    def on_result(self, event):
        said = event.results.item(event.results.length - 1).item(0).transcript
        field = self.page.composer.field
        self.page.composer.put((field.value + " " + said.strip()).strip())
        dom.run(self.page.composer.keep())

    def on_end(self, event):
        self.hearing = None
        dom.change(self.button, aria_pressed="false")
        self.page.composer.focus()

    # --------------------------------------------------------------------------------- speaking

    def voice(self, language):
        """A voice on this device for this language, or None."""
        for voice in js.speechSynthesis.getVoices():
            if voice.localService and voice.lang[:2] == language:
                return voice
        return None

    def speak(self, turn):
        """Read an answer aloud, or stop reading."""
        if js.speechSynthesis.speaking:
            js.speechSynthesis.cancel()
            return
        voice = self.voice(turn["language"] or t.language)
        if voice is None:
            self.page.toast(t("voice.none"))
            return
        words = js.SpeechSynthesisUtterance.new(turn["text"])
        words.voice, words.lang = voice, voice.lang
        js.speechSynthesis.speak(words)
