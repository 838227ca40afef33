"""A sentence of an importer or of the engine in another language, found by its form.

A form has names in braces where values stand: "{name} is empty: there is nothing to read in it."
"""


def translate(text, forms):
    """Return the text in the other language, in which `forms` gives each English form; a text of no
    known form stays as it is."""
    for form, other in forms.items():
        values = extract_values(form, text)
        if values is not None:
            for name, value in values.items():
                other = other.replace("{%s}" % name, value)
            return other
    return text


def extract_values(form, text):
    """Return the values in the places of a form, by name; None when the text is of another form."""
    places = [part.split("}", 1) for part in form.split("{")]
    beginning = places.pop(0)[0]
    if not text.startswith(beginning):
        return None
    at, values = len(beginning), {}
    for number, (name, after) in enumerate(places):
        last = number == len(places) - 1
        end = len(text) - len(after) if last else text.find(after, at)
        if end < at or text[end : end + len(after)] != after:
            return None
        values[name] = text[at:end]
        at = end + len(after)
    return values if at == len(text) else None
