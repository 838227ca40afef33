"""Recorded dispatches issued natively, with the library's own functions.

The wrappers of wgpu-py look for errors after each call, which takes longer than the calls; here
they come, as in a browser, from what ends the pass.
"""

from __future__ import annotations

from typing import Any

from wgpu.backends.wgpu_native import ffi, lib


class Recording:
    """The counterpart of webgpu.py's."""

    def __init__(self, calls: list[tuple]) -> None:
        self._keep = calls
        self._calls = [
            (pipeline._internal, group._internal, place._internal, *counts)
            for pipeline, group, place, counts in calls
        ]

    def replay(self, compute_pass: Any, start: int, stop: int) -> None:
        encoder, none = compute_pass._internal, ffi.NULL
        set_pipeline = lib.wgpuComputePassEncoderSetPipeline
        set_group = lib.wgpuComputePassEncoderSetBindGroup
        dispatch = lib.wgpuComputePassEncoderDispatchWorkgroups
        current = placed = None
        for pipeline, group, place, x, y, z in self._calls[start:stop]:
            if pipeline is not current:
                set_pipeline(encoder, pipeline)
                current = pipeline
            if place is not placed:
                set_group(encoder, 1, place, 0, none)
                placed = place
            set_group(encoder, 0, group, 0, none)
            dispatch(encoder, x, y, z)
