"""The tried settings, as a table for a terminal."""

from __future__ import annotations

from oneseek.engine.learning.tuning.halving import DEFAULTS, SavedTuning, noise

WHY = {
    "better": "chosen: better than the defaults by more than chance explains",
    "noise": "the defaults stay: no other settings were better by more than chance explains",
    "harm": "the defaults stay: the better settings would have harmed what the model knows",
    "time": "the defaults stay: the time was too short to compare other settings",
}


def table(kept: SavedTuning) -> list[str]:
    """Every try in words: its settings, its loss after each share of the training, what follows."""
    shares = "".join(f"{100 * share:>7.0f} %" for share in kept["shares"])
    lines = [f"     rate  rank  batch epochs{shares}   of the training; held-out loss"]
    for number in sorted({one["try"] for one in kept["results"]}):
        lines.append(row(kept, number))
    return [*lines, f"{WHY[kept['why']]} ({clock(kept['spent'])} of {clock(kept['seconds'])})"]


def row(kept: SavedTuning, number: int) -> str:
    settings, mine = kept["tries"][number], [r for r in kept["results"] if r["try"] == number]
    by_rung = {one["rung"]: one for one in mine}
    losses = [
        f"{by_rung[rung]['loss']:>9.3f}" if rung in by_rung else " " * 9
        for rung in range(len(kept["shares"]))
    ]
    mark = "*" if number == kept["chosen"] else " "
    words = "defaults" if number == DEFAULTS else compare(kept, mine[-1])
    return (f"{mark}{settings['learning_rate']:>8.2g}{settings['lora_config']['rank']:>6}"
            f"{settings['batch_size']:>7}{settings['epochs']:>7}{''.join(losses)}   {words}")  # fmt: skip


def compare(kept: SavedTuning, result: dict) -> str:
    """How a try stands beside the defaults that were trained as long."""
    if "error" not in result:
        return ""
    luck = noise(result, len({one["try"] for one in kept["results"]}) - 1)
    words = f"{result['better']:+.3f}, chance explains {luck:.3f}"
    return words + (f"; harms: {', '.join(result['harm'])}" if result.get("harm") else "")


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
