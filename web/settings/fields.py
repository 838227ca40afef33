"""Form fields made from a settings class: a number, a choice or a list of names, each with its
range."""

from oneseek.engine.core import settings
from oneseek.web.lib import dom
from oneseek.web.lib.words import t


def fields(prefix, kind, values, offered=None):
    """A form field for each field of a settings class, or for those `offered`, its parts
    included."""
    for name in sorted(kind.FIELDS):
        if offered and name not in offered:
            continue
        yield _field("%s.%s" % (prefix, name), name, kind.FIELDS[name], values[name])
    for name, part in sorted(kind.PARTS.items()):
        if offered and name not in offered:
            continue
        yield dom.make(
            "details",
            dom.make("summary", name),
            dom.make(
                "div", list(fields("%s.%s" % (prefix, name), part, values[name])), cls="column"
            ),
        )


def _field(of, name, field, value):
    acts = {"do": "set-config", "of": of, "data_on": "change"}
    if isinstance(field, settings.Number):
        box = dom.make("input", type="number", step="any", **acts)
        box.value = value
    elif isinstance(field, settings.Choice):
        options = [(repr(one), str(one)) for one in field.values]
        box = select(options, repr(value), **acts)
    else:
        box = dom.make("input", type="text", **acts)
        box.value = ", ".join(value)
    words = dom.make("small", t.translate(field.range()))
    return dom.make("label", name, box, words, dom.make("span", cls="wrong"), cls="field")


def parse_field(element, before):
    """The typed value, with the type of the value `before`."""
    text = element.value
    if isinstance(before, bool):
        return text == "True"
    if isinstance(before, (int, float)):
        try:
            value = float(text)
        except ValueError:
            return text
        return int(value) if value == int(value) else value
    if isinstance(before, (list, tuple)):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text.strip("'")


def select(options, current, **attributes):
    box = dom.make("select", **attributes)
    for value, words in options:
        option = dom.make("option", words, value=value)
        option.selected = value == current
        box.append(option)
    return box


def choice(words, do, of, options, current):
    box = select(options, current, do=do, of=of, data_on="change", id="set-" + of)
    return dom.make("label", words, box, cls="field")
