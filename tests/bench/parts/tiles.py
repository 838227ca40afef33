"""Measures which tile sizes are fastest: the constants of engine/backends/wasm/kernels.

`python3 build.py bench parts.tiles`. Every setting of a row is compiled; all take turns, and the
shortest time of each counts. The first setting of a row is the engine's own.
"""

import json
import sys

from tests.bench.parts import lab

FORWARD, BACKWARD = "packed_linear", "packed_linear_dx"
TILES = [
    {},
    *(
        {"DOT_ROWS": r, "STEPS": k, "DOT_COLUMNS": {**dict.fromkeys("12345", 2), str(r): c}}
        for r, c, k in ((2, 4, 1), (2, 4, 4), (5, 2, 1), (4, 2, 4), (3, 2, 4), (6, 2, 4))
    ),
]
BLOCKS = [{}, *({"BLOCK": n, "CACHED": 1 << 30} for n in (8, 16, 32, 64))]
ROWS = [  # (what is compared, product, shape, settings)
    ("tile of dot products", FORWARD, (60, 576, 192), TILES),
    ("tile of dot products", FORWARD, (60, 1536, 96), TILES),
    ("rows of W that are floats", FORWARD, (60, 576, 384), BLOCKS),
    ("rows of W that are floats", FORWARD, (24, 4864, 192), BLOCKS),
    ("rows of a tile, transposed", BACKWARD, (60, 192, 576),
     [{}, *({"OUTER_ROWS": n, "STEPS": k} for n, k in ((4, 1), (4, 4), (3, 4), (6, 4)))]),
    ("rows of a panel", BACKWARD, (60, 64, 1536),
     [{"DEPTH": n} for n in (1024, 128, 256, 512, 2048)]),
    ("columns for one row", FORWARD, (1, 576, 4608),
     [{"COLUMNS": {"1": n}} for n in (4, 1, 2, 3, 6)]),
    ("groups of a long row", FORWARD, (1, 1536, 49152), [{"GROUPS": n} for n in (3, 1, 2, 4)]),
    ("long rows, or several at a time", FORWARD, (1, 1536, 49152),
     [{"SHORT": n} for n in (512, 1024)]),
    ("fields of a turn", FORWARD, (1, 576, 4608), [{"TURN": n} for n in (2, 1, 4)]),
    ("columns for one row of floats", "matmul", (1, 1536, 576),
     [{"DOT_COLUMNS": {**dict.fromkeys("2345", 2), "1": n}} for n in (8, 1, 2, 4, 6)]),
    ("columns for four rows", FORWARD, (4, 576, 1536),
     [{"COLUMNS": {"4": n}} for n in (2, 1, 3, 4)]),
    ("few rows, or a block at a time", FORWARD, (4, 576, 1536), [{"FEW": n} for n in (4, 3)]),
]  # fmt: skip
TURNS, REPEATS = 25, 3  # many short turns, so that other work disturbs only some


def compare(page, what, kind, shape, settings) -> dict:
    m, k, n = shape
    names = [f"{kind} {shape} {json.dumps(setting)}" for setting in settings]
    for name, setting in zip(names, settings, strict=True):
        lab.call(page, "ours", "python", "prepare_variant", name, setting, m, k, n, kind)
    best = dict.fromkeys(names, float("inf"))
    for _ in range(TURNS):
        for name in names:
            spent = lab.call(page, "ours", "python", "measure_variant", name, REPEATS)
            best[name] = min(best[name], spent)
    rates = [2e-6 * m * k * n / best[name] for name in names]
    found = [dict(setting=s, gflops=rate) for s, rate in zip(settings, rates, strict=True)]
    return dict(
        what=what, kernel=kind, shape=shape, found=found, best_to_ours=max(rates) / rates[0]
    )


def main() -> None:
    rows = []
    with lab.opened() as page:
        for row in ROWS:
            rows.append(compare(page, *row))
            print(rows[-1], file=sys.stderr, flush=True)
    figures = {"worst_choice": max(row["best_to_ours"] for row in rows)}
    print(json.dumps({"bench": "tiles", "machine": {}, "figures": figures, "rows": rows}))


if __name__ == "__main__":
    main()
