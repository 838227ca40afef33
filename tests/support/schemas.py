"""Two hundred JSON schemas like those of programs, always the same, and a check that a value fits
one."""

import random

WORDS = ("name", "city", "age", "price", "tags", "ålder", "is open", "id", "e-mail", "kind", "note")
SCALARS: tuple[dict, ...] = (
    {"type": "string"}, {"type": "string", "minLength": 2, "maxLength": 12}, {"type": "integer"},
    {"type": "string", "maxLength": 0}, {"type": "number"}, {"type": "boolean"}, {"type": "null"},
    {"type": "integer", "minimum": 1, "maximum": 5}, {"type": "integer", "minimum": -40},
    {"type": "integer", "exclusiveMinimum": 17, "exclusiveMaximum": 19},
    {"type": "number", "minimum": 0, "exclusiveMaximum": 1}, {"type": "number", "maximum": -2.5},
    {"enum": ["red", "green", "blå"]}, {"enum": [1, 2.5, None, "x", [1, {"a": "b"}]]},
    {"const": "fixed \"quoted\" value"}, {"type": ["string", "null"]},
    {"type": ["integer", "boolean"]}, {"type": "number", "minimum": 1990, "maximum": 2030.25},
    {"type": "string", "format": "date-time", "description": "when"},
)  # fmt: skip
LINKED = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/next"}},
            "required": ["value", "next"],
            "additionalProperties": False,
        },
        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
    },
    "$ref": "#/$defs/node",
}
TREE = {
    "type": "object",
    "properties": {"says": {"type": "string", "maxLength": 8},
                   "under": {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}},
    "required": ["says", "under"],
}  # fmt: skip
SHAPES = {
    "oneOf": [
        {"type": "object", "properties": {"kind": {"const": "circle"}, "r": {"type": "number"}},
         "required": ["kind", "r"], "additionalProperties": False},
        {"type": "object", "properties": {"kind": {"const": "square"}, "side": {"type": "integer"}},
         "required": ["kind", "side"], "additionalProperties": False},
    ]
}  # fmt: skip
WHOLE: tuple[dict, ...] = (
    {}, {"type": "object"}, {"type": "array"}, LINKED, TREE, SHAPES,
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False,
     "minItems": 2},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3, "maxItems": 3},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
               {"properties": {"b": {"type": "string", "maxLength": 5}}, "required": ["b"]}]},
    {"type": "object", "properties": {"a": True}, "required": ["a", "b"]},
)  # fmt: skip


def schemas(count: int = 200) -> list[dict]:
    draw = random.Random(7)
    found = [*WHOLE, *SCALARS]
    while len(found) < count:
        found.append(an_object(draw, 2))
    return found[:count]


def some(draw: random.Random, depth: int) -> dict:
    kind = draw.random()
    if depth and kind < 0.2:
        return an_object(draw, depth - 1)
    if depth and kind < 0.4:
        low = draw.randrange(3)
        high = {"maxItems": low + draw.randrange(1, 4)} if draw.random() < 0.7 else {}
        return {"type": "array", "items": some(draw, depth - 1), "minItems": low, **high}
    if depth and kind < 0.5:
        return {"anyOf": [some(draw, depth - 1) for _ in range(2)]}
    return draw.choice(SCALARS)


def an_object(draw: random.Random, depth: int) -> dict:
    names = draw.sample(WORDS, draw.randrange(1, 5))
    made = {
        "type": "object",
        "properties": {name: some(draw, depth) for name in names},
        "required": [name for name in names if draw.random() < 0.7],
    }
    return made | ({"additionalProperties": False} if draw.random() < 0.6 else {})


TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "number": (int, float), "integer": (int, float),
}  # fmt: skip


def fits(value, schema, root=None) -> bool:
    """True if a value fits one of these schemas, by the keywords of the standard."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        found = root
        for step in schema["$ref"].split("/")[1:]:
            found = found[step]
        if not fits(value, found, root):
            return False
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(of_type(value, kind) for kind in kinds):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "anyOf" in schema and not any(fits(value, one, root) for one in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(fits(value, one, root) for one in schema["oneOf"]) != 1:
        return False
    if not all(fits(value, one, root) for one in schema.get("allOf", ())):
        return False
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 30)
    if isinstance(value, int | float) and not isinstance(value, bool):
        above = value > schema.get("exclusiveMinimum", float("-inf"))
        below = value < schema.get("exclusiveMaximum", float("inf"))
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        return above and below and low <= value <= high
    if isinstance(value, list):
        begin = schema.get("prefixItems", [])
        parts = [*begin, *[schema.get("items", True)] * max(0, len(value) - len(begin))]
        counted = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30)
        return counted and all(fits(v, s, root) for v, s in zip(value, parts, strict=False))
    if isinstance(value, dict):
        named, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        whole = all(name in value for name in schema.get("required", ()))
        return whole and all(fits(v, named.get(k, more), root) for k, v in value.items())
    return True


def of_type(value, kind: str) -> bool:
    if kind in ("number", "integer") and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[kind]) and (kind != "integer" or value == int(value))
