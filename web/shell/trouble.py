"""The panels over the chat: one says what fails, what is safe and what to do; one offers a newer
build.

Its words stand here, in both languages, because it must work when nothing else was loaded.
"""

from pyscript import document, window

WORDS = {
    "en": {
        "engine": (
            "The engine could not start.",
            "Your chats and everything learned are safe in this browser.",
            "Reload the page. If that does not help, close other tabs to free memory.",
        ),
        "importer": (
            "Reading files does not work right now.",
            "The chat works, and nothing you dropped was lost.",
            "Reload the page to try again.",
        ),
        "build": "A newer version of OneSeek is here.",
        "details": "Technical details",
        "copy": "Copy",
        "reload": "Reload",
        "close": "Close",
    },
    "sv": {
        "engine": (
            "Motorn kunde inte starta.",
            "Dina chattar och allt som är inlärt finns kvar i webbläsaren.",
            "Ladda om sidan. Hjälper det inte, stäng andra flikar för att frigöra minne.",
        ),
        "importer": (
            "Det går inte att läsa filer just nu.",
            "Chatten fungerar, och inget du släppt här har gått förlorat.",
            "Ladda om sidan för att försöka igen.",
        ),
        "build": "Det finns en nyare version av OneSeek.",
        "details": "Tekniska detaljer",
        "copy": "Kopiera",
        "reload": "Ladda om",
        "close": "Stäng",
    },
}


def show(what, detail=""):
    """Say what fails; the technical part stays folded away."""
    words = in_use()
    panel = banner("trouble-" + what, words[what], "alert")
    if detail:
        panel.append(details(words, detail))
    panel.append(button(words["close"], lambda event: panel.remove()))


def offer_build(use):
    """Offer a newer build; nothing happens until the person accepts."""
    words = in_use()
    panel = banner("new-build", [words["build"]], "status")
    panel.append(button(words["reload"], lambda event: use()))
    panel.append(button(words["close"], lambda event: panel.remove()))


def in_use():
    language = document.documentElement.lang
    return WORDS[language if language in WORDS else "en"]


def banner(name, texts, role):
    """A panel over the chat, in place of an earlier one of the same name."""
    panel = element("section", "banner")
    panel.id = name
    panel.setAttribute("role", role)
    panel.append(element("strong", text=texts[0]))
    for text in texts[1:]:
        panel.append(element("p", text=text))
    before = document.getElementById(name)
    if before:
        before.remove()
    document.querySelector("#banners").append(panel)
    return panel


def details(words, detail):
    """The technical part, folded, with buttons to copy it and to reload."""
    folded = element("details")
    folded.append(element("summary", text=words["details"]), element("pre", text=detail))
    folded.append(button(words["copy"], lambda event: window.navigator.clipboard.writeText(detail)))
    folded.append(button(words["reload"], lambda event: window.location.reload()))
    return folded


def button(text, pressed):
    made = element("button", "quiet", text)
    made.type = "button"
    made.addEventListener("click", pressed)
    return made


def element(tag, style="", text=""):
    made = document.createElement(tag)
    made.className = style
    made.textContent = text
    return made
