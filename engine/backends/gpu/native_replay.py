"""Issue recorded dispatches natively, with the library's own functions.

The wrappers of wgpu-py check for errors after each call, which takes longer than the call itself;
here, as in a browser, the end of the pass raises them.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import wgpu
from wgpu.backends.wgpu_native import ffi, lib


class Recording:
    """The counterpart of the class in webgpu.py."""

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

    def turn(
        self, device: Any, given: tuple | None, before: Any, span: tuple, after: Any, staging: Any
    ) -> Awaitable[bytes]:
        """In one submit, write `given` (buffer, offset, bytes); make the copies `before`, each
        (source, offset, target, offset, size); run the dispatches of `span`; copy what `after`
        names, each (source, offset, size), into `staging`. Return the promise of its bytes."""
        if given:
            device.queue.write_buffer(*given)
        encoder = device.create_command_encoder(label="turn")
        for copy in before:
            encoder.copy_buffer_to_buffer(*copy)
        compute = encoder.begin_compute_pass(label="turn")
        self.replay(compute, *span)
        compute.end()
        filled = 0
        for source, at, size in after:
            encoder.copy_buffer_to_buffer(source, at, staging, filled, size)
            filled += size
        device.queue.submit([encoder.finish()])
        mapped = staging.map_async(wgpu.MapMode.READ)

        async def read_back() -> bytes:
            await mapped
            data = bytes(staging.read_mapped())
            staging.unmap()
            return data

        return read_back()

    @staticmethod
    def flat(copies: list[tuple]) -> list[tuple]:
        """Return the copies in the form that `turn` takes."""
        return copies


def bind_groups(device: Any, wanted: list[tuple]) -> list[Any]:
    """Create bind groups from (layout, [(buffer, offset, size)])."""
    return [
        device.create_bind_group(
            layout=layout,
            entries=[
                {"binding": i, "resource": {"buffer": buffer, "offset": at, "size": size}}
                for i, (buffer, at, size) in enumerate(places)
            ],
        )
        for layout, places in wanted
    ]
