"""Turns a JSON schema into a grammar of the texts that fit it.

Which schemas are understood is defined here; `text` follows a text byte by byte. A node of the
grammar is a tuple, so that nodes are equal when they say the same. Optional members keep the order
of the schema, and no others are written: each text fits the schema, though not each fitting text is
written.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from oneseek.engine.model.choice.parts import LITERAL, NUMBER, READABLE, STRING, Node, complete_node

SCHEMA, MEMBERS, ITEMS, EITHER = "schema", "members", "items", "either"
KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
PLACES = 6  # decimals of a number, where its limits have no more
LARGEST = 10**15  # of a number without limits
MOST_ITEMS, MOST_LETTERS = 1000, 100_000
DEEPEST = 64  # references in a chain
MOST_PLACES, MOST_NODES, LONGEST = 15, 50_000, 100_000  # decimals; of a grammar; bytes
ANNOTATIONS = {
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema",
    "$id", "$comment", "$defs", "definitions", "format", "contentEncoding", "contentMediaType",
}  # fmt: skip
HEEDED = {
    "type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "properties", "required",
    "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "minLength",
    "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
}  # fmt: skip

OF_OBJECTS = {"properties", "required", "additionalProperties"}


class SchemaError(ValueError):
    """The schema asks for something that is not supported; the text says what."""


class Grammar:
    """The nodes of one schema, perhaps with a text before and after it, and their productions."""

    def __init__(self, schema: Any, before: str = "", after: str = "") -> None:
        self.root, self.parts = schema, [schema]
        self.numbers: dict[str, int] = {}
        self._ways: dict[Node, list[tuple[Node, ...]]] = {}
        self._shortest: dict[Node, bytes] = {}
        self.start: Node = EITHER, (literal(before), self.node(schema), literal(after))
        self._measure()

    def node(self, schema: Any) -> Node:
        """Return the node of a schema within this one."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.numbers:
            self.numbers[key] = len(self.parts)
            self.parts.append(schema)
        return SCHEMA, self.numbers[key]

    def ways(self, node: Node) -> list[tuple[Node, ...]]:
        """Return the productions of a node."""
        if node not in self._ways:
            kind, *about = node
            made = {SCHEMA: self._schema, MEMBERS: self._members, ITEMS: self._items}
            self._ways[node] = list(about) if kind == EITHER else made[kind](*about)
        return self._ways[node]

    def shortest(self, node: Node) -> bytes:
        """Return the shortest text of a node."""
        return self._shortest[node]

    # ---- what a schema says

    def _schema(self, number: int) -> list[tuple[Node, ...]]:
        schema = self.resolve(self.parts[number])
        if "const" in schema or "enum" in schema:
            if beside := schema.keys() - {"const", "enum", "type"} - ANNOTATIONS:
                raise SchemaError(f"{min(beside)} is not supported beside an enum or const")
            values = [schema["const"]] if "const" in schema else schema["enum"]
            fitting = [one for one in values if fits(one, schema)]
            if not fitting:
                raise SchemaError("an enum or const has no value of its type")
            return [(literal(json.dumps(one, ensure_ascii=False)),) for one in fitting]
        for name in ("anyOf", "oneOf"):
            if name in schema:
                return [
                    (self.node(merge_schemas(schema, one, name)),)
                    for one in self.choices(schema, name)
                ]
        kinds = schema.get("type", KINDS)
        kinds = [kinds] if isinstance(kinds, str) else kinds
        ways: list[tuple[Node, ...]] = []
        for kind in kinds:
            if kind not in KINDS:
                raise SchemaError(f"the type {kind!r} is not known")
            if not (kind == "integer" and "number" in kinds):
                ways += self._kind(kind, schema)
        return ways

    def choices(self, schema: dict, name: str) -> list:
        found = schema[name]
        if not isinstance(found, list) or not found:
            raise SchemaError(f"{name} must be a list of schemas")
        if name == "oneOf":
            known = [self.resolve(merge_schemas(schema, one, name)) for one in found]
            for i, one in enumerate(known):
                if not all(self.are_disjoint(one, other) for other in known[:i]):
                    raise SchemaError(
                        "oneOf is supported only if its alternatives exclude each other by their "
                        "types or by a required const; use anyOf instead"
                    )
        return found

    def are_disjoint(self, one: dict, other: dict) -> bool:
        """Whether surely no value fits both."""
        allowed = [self.values(schema) for schema in (one, other)]
        if None not in allowed:
            return not set(allowed[0]) & set(allowed[1])
        kinds = [types_of(schema) for schema in (one, other)]
        if not kinds[0] & kinds[1]:
            return True
        both = set(one.get("required", ())) & set(other.get("required", ()))
        return kinds[0] & kinds[1] == {"object"} and any(
            self.are_disjoint(
                *(self.resolve(s.get("properties", {}).get(name, {})) for s in (one, other))
            )
            for name in both
        )

    def values(self, schema: dict) -> list[str] | None:
        if "const" in schema:
            return [json.dumps(schema["const"])]
        return [json.dumps(one) for one in schema["enum"]] if "enum" in schema else None

    def resolve(self, schema: Any) -> dict:
        """Return a schema with its references followed, and only with supported keywords."""
        for _ in range(DEEPEST):
            if schema is True:
                return {}
            if not isinstance(schema, dict):
                raise SchemaError("a schema must be an object, or true")
            for name in schema:
                if name not in HEEDED | ANNOTATIONS:
                    raise SchemaError(f"the keyword {str(name)[:80]!r} is not supported")
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = merge_schemas(rest, self.follow_reference(schema["$ref"]), "$ref")
            elif "allOf" in schema:
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for one in schema["allOf"]:
                    rest = merge_schemas(rest, one, "allOf")
                schema = rest
            else:
                return schema
        raise SchemaError("the references ($ref) form a circle")

    def follow_reference(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise SchemaError(f"the reference {str(reference)[:80]!r} leads outside the schema")
        found = self.root
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or step not in found:
                raise SchemaError(
                    f"the reference {reference[:80]!r} leads to nothing in the schema"
                )
            found = found[step]
        return found

    def _kind(self, kind: str, schema: dict) -> list[tuple[Node, ...]]:
        if kind == "boolean":
            return [(literal("true"),), (literal("false"),)]
        if kind == "null":
            return [(literal("null"),)]
        if kind == "string":
            low, high = limits(schema, "minLength", "maxLength", MOST_LETTERS)
            return [((STRING, low, high if "maxLength" in schema else None),)]
        if kind in ("number", "integer"):
            return [(number(schema, kind == "integer"),)]
        if kind == "array":
            return [(literal("["), (ITEMS, self.node(without(schema)), 0))]
        return [(literal("{"), (MEMBERS, self.node(without(schema)), 0, True))]

    def _members(self, of: Node, at: int, first: bool) -> list[tuple[Node, ...]]:
        """Return the productions of the rest of an object, from the property `at` on."""
        schema = self.resolve(self.parts[of[1]])
        named, needed = schema.get("properties", {}), schema.get("required", [])
        more = schema.get("additionalProperties", True)
        if not isinstance(named, dict) or not isinstance(needed, list):
            raise SchemaError("properties must be an object, and required a list")
        missing = [name for name in needed if name not in named]
        if missing and more is False:
            raise SchemaError(f"{missing[0]!r} is required, but additionalProperties forbids it")
        every = [*named.items(), *((name, more) for name in missing)]
        comma = () if first else (literal(","), GAP)
        ways: list[tuple[Node, ...]] = []
        for place in range(at, len(every)):
            name, value = every[place]
            if value is not False:
                key = literal(json.dumps(name, ensure_ascii=False) + ":")
                rest = MEMBERS, of, place + 1, False
                ways.append((*comma, key, GAP, self.node(value), rest))
            if name in needed:
                return ways
        ways.append((literal("}"),))
        if not every and more is not False:  # names of its own
            key = (STRING, 1, None), literal(":")
            ways.append((*comma, *key, GAP, self.node(more), (MEMBERS, of, 0, False)))
        return ways

    def _items(self, of: Node, count: int) -> list[tuple[Node, ...]]:
        """Return the productions of the rest of an array after so many items."""
        schema = self.resolve(self.parts[of[1]])
        begin, more = schema.get("prefixItems", []), schema.get("items", True)
        low, high = limits(schema, "minItems", "maxItems", MOST_ITEMS)
        kind = begin[count] if count < len(begin) else more
        ways: list[tuple[Node, ...]] = [(literal("]"),)] if count >= low else []
        if count < high and kind is not False:
            counted = count + 1
            if counted > max(low, len(begin)) and high == MOST_ITEMS:
                counted = count  # all further ones are alike
            comma = () if not count else (literal(","), GAP)
            ways.append((*comma, self.node(kind), (ITEMS, of, max(1, counted))))
        return ways

    # ---- the shortest texts

    def _measure(self) -> None:
        """Find the shortest text of every reachable node; refuse a schema that no finite text
        fits."""
        nodes, waiting = {}, [self.start]
        while waiting:
            node = waiting.pop()
            if node in nodes:
                continue
            if node[0] in READABLE:
                self._shortest[node] = complete_node(node)
                nodes[node] = ()
                continue
            if len(nodes) > MOST_NODES:
                raise SchemaError("the schema is too large")
            nodes[node] = self.ways(node)
            waiting += [part for way in nodes[node] for part in way]
        changed, backwards = True, list(reversed(nodes.items()))
        while changed:
            changed = False
            for node, ways in backwards:
                for way in ways:
                    parts = [self._shortest.get(part) for part in way]
                    known = [part for part in parts if part is not None]
                    if len(known) == len(parts) and sum(map(len, known)) <= LONGEST:
                        text = b"".join(known)
                        if node not in self._shortest or len(text) < len(self._shortest[node]):
                            self._shortest[node], changed = text, True
        if self.start not in self._shortest:
            raise SchemaError(f"no text of at most {LONGEST:,} bytes fits the schema")
        for node, ways in nodes.items():
            if node[0] not in READABLE:
                self._ways[node] = [w for w in ways if all(part in self._shortest for part in w)]


def literal(text: str) -> Node:
    return LITERAL, text.encode(), 0


GAP: Node = EITHER, (literal(" "),), ()


def without(schema: dict) -> dict:
    """Return an object's or array's own keywords, whatever else its schema allows."""
    kept = ("properties", "required", "additionalProperties", "items", "prefixItems", "minItems",
            "maxItems")  # fmt: skip
    return {key: schema[key] for key in kept if key in schema}


def types_of(schema: dict) -> set[str]:
    found = schema.get("type", KINDS)
    kinds = {found} if isinstance(found, str) else set(found)
    return kinds | {"integer", "number"} if kinds & {"integer", "number"} else kinds


def merge_schemas(outer: dict, inner: Any, name: str) -> dict:
    """Merge a schema with what stands beside a reference or a choice, because both hold; where they
    say the same thing in different ways it is refused."""
    rest = {key: value for key, value in outer.items() if key != name}
    inner = {} if inner is True else inner
    if not isinstance(inner, dict):
        raise SchemaError(f"each schema of {name} must be an object, or true")
    both = [one.get("properties", {}) for one in (rest, inner)]
    closed = any("additionalProperties" in one for one in (rest, inner))
    if closed and any(both) and both[0].keys() != both[1].keys() and rest.keys() & OF_OBJECTS:
        raise SchemaError(f"additionalProperties is not supported in or beside {name}")
    for key, value in inner.items():
        if key == "properties" and key in rest:
            twice = [one for one in value if rest[key].get(one, value[one]) != value[one]]
            if twice:
                raise SchemaError(
                    f"{twice[0]!r} has two different schemas, in {name} and beside it"
                )
            rest[key] = {**value, **rest[key]}
        elif key == "required" and key in rest:
            rest[key] = list(dict.fromkeys([*rest[key], *value]))
        elif key in rest and rest[key] != value and key not in ANNOTATIONS:
            raise SchemaError(f"{key} has two different values, in {name} and beside it")
        else:
            rest[key] = value
    return rest


def fits(value: Any, schema: dict) -> bool:
    """Whether a value of an enum is of the type that stands beside it."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null",
             int: "integer", float: "number"}  # fmt: skip
    found = schema.get("type", KINDS)
    kinds = [found] if isinstance(found, str) else found
    kind = names[type(value)]
    return kind in kinds or (kind == "integer" and "number" in kinds)


def limits(schema: dict, low: str, high: str, most: int) -> tuple[int, int]:
    least_, most_ = schema.get(low, 0), schema.get(high, most)
    for name, value in ((low, least_), (high, most_)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise SchemaError(f"{name} must be a whole number")
    if least_ > min(most, most_):
        raise SchemaError(f"{low} is {least_}, above {high} or the limit of {most}")
    return least_, min(most, most_)


def number(schema: dict, whole: bool) -> Node:
    """Return the node of a number, with its limits in units of its last decimal."""
    said = {
        name: Decimal(str(schema[name]))
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        if isinstance(schema.get(name), int | float) and not isinstance(schema[name], bool)
    }
    exact = [max(0, -int(one.as_tuple().exponent)) for one in said.values()]
    places = 0 if whole else max([PLACES, *exact])
    if places > MOST_PLACES:
        raise SchemaError(f"a limit of a number has more than {MOST_PLACES} decimals")
    unit = Decimal(10) ** places
    largest = LARGEST * 10**places
    low, high = -largest, largest
    for name, value in said.items():
        scaled = value * unit
        down = int(scaled.to_integral_value("ROUND_FLOOR"))
        up = int(scaled.to_integral_value("ROUND_CEILING"))
        if name == "minimum":
            low = max(low, up)
        elif name == "exclusiveMinimum":
            low = max(low, down + 1)
        elif name == "maximum":
            high = min(high, down)
        else:
            high = min(high, up - 1)
    if low > high:
        raise SchemaError("no number lies between its minimum and its maximum")
    return NUMBER, "", places, low, high
