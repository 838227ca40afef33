"""Speaking and listening with the browser's own speech, only where it does both on this device; off
by default.

The browser says which of its voices are local; dictation is offered where its recogniser says that
it has the language here (`processLocally`).  What cannot stay on the device is not there.
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
        """The microphone is there when it was asked for and its words stay here."""
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
        """Press to speak, press again to end; the words go where the cursor is, and are not
        sent."""
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
        """A voice for this language that the browser has on the device, or None."""
        for voice in js.speechSynthesis.getVoices():
            if voice.localService and voice.lang[:2] == language:
                return voice
        return None

    def speak(self, turn):
        """Read an answer aloud; pressed while it reads, it stops."""
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
