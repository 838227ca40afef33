"""The host of the CPU back end without a browser: wasmtime runs the modules, and Python's threads
call them, without the interpreter lock while they work."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

import numpy as np
import wasmtime
from wasmtime import _ffi
from wasmtime._func import enter_wasm

from oneseek.engine.backends.wasm.board import MODULE, write_listen
from oneseek.engine.backends.wasm.emit import LARGEST_MEMORY, Module

PAGE = 65536


def cores() -> int:
    """Return how many threads can have a core of their own."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SharedMemory(wasmtime.SharedMemory):
    """A fix: wasmtime's own class passes a pointer to its pointer, which its linker refuses."""

    def _as_extern(self) -> Any:
        union = _ffi.wasmtime_extern_union(sharedmemory=self.ptr())
        return _ffi.wasmtime_extern_t(_ffi.WASMTIME_EXTERN_SHAREDMEMORY, union)


class Native:
    """One shared memory, the modules linked to it, and the threads that help the one that asks."""

    seen = fused = True

    def __init__(self, threads: int | None = None):
        self.threads = threads or cores()
        config = wasmtime.Config()
        config.wasm_threads = config.shared_memory = True
        self.engine = wasmtime.Engine(config)
        limits = wasmtime.Limits(1, LARGEST_MEMORY)
        self.memory = SharedMemory(self.engine, wasmtime.MemoryType(limits, shared=True))
        self.base = ctypes.addressof(self.memory.data_ptr().contents)
        self.modules: list[wasmtime.Module] = []
        self.seat, self.closed = Seat(self), False

    @property
    def size(self) -> int:
        return self.memory.data_len()

    def grow(self, missing: int) -> bool:
        try:
            self.memory.grow(-(-missing // PAGE))
        except wasmtime.WasmtimeError:
            return False
        return True

    def view(self, address: int, size: int) -> np.ndarray:
        """Return bytes in place; do not use them once their block is freed."""
        bytes_there = (ctypes.c_uint8 * size).from_address(self.base + address)
        return np.ctypeslib.as_array(bytes_there)

    def write(self, address: int, array: np.ndarray) -> None:
        ctypes.memmove(self.base + address, array.ctypes.data, array.nbytes)

    def read(self, address: int, array: np.ndarray) -> None:
        ctypes.memmove(array.ctypes.data, self.base + address, array.nbytes)

    def clear(self, address: int, size: int) -> None:
        ctypes.memset(self.base + address, 0, size)

    def compile(self, module: Module) -> int:
        """Return the module's number, by which every thread knows it."""
        self.modules.append(wasmtime.Module(self.engine, module.encode(shared=True)))
        return len(self.modules) - 1

    def link(self, module: Module) -> Linked:
        return Linked(self, self.compile(module))

    def open(self, board: int) -> None:
        """Start the threads, which listen at this board."""
        listener = Module()
        write_listen(listener)
        self.board, self.listener = board, self.compile(listener)
        for me in range(1, self.threads):
            threading.Thread(target=self.attend, args=(Seat(self), me), daemon=True).start()

    def attend(self, seat: Seat, me: int) -> None:
        """Run a helping thread: it sleeps until there is news, then works."""
        heard = 0
        while True:
            heard = seat.call(self.listener, "listen", self.board, heard)
            if self.closed:
                return
            number = int(self.view(self.board + MODULE, 4).view(np.int32)[0])
            seat.call(number, "work", self.board, me, number)

    def close(self) -> None:
        """End the threads."""
        self.closed = True
        Seat(self).call(self.listener, "wake", self.board)


class Seat:
    """One thread's own instances of the modules."""

    def __init__(self, host: Native):
        self.engine, self.modules = host.engine, host.modules
        self.store = wasmtime.Store(host.engine)
        self.linker = wasmtime.Linker(host.engine)
        self.linker.define(self.store, "env", "memory", host.memory)
        self.made: dict[int, wasmtime.Instance] = {}
        self.known: dict[tuple[int, str], Any] = {}

    def function(self, number: int, name: str) -> Any:
        if (number, name) not in self.known:
            if number not in self.made:
                self.made[number] = self.linker.instantiate(self.store, self.modules[number])
            self.known[number, name] = self.made[number].exports(self.store)[name]
        return self.known[number, name]

    def call(self, number: int, name: str, *arguments: int) -> int:
        """Call a function without wasmtime's check of every argument, which takes longer than a
        short kernel: every export takes 32-bit integers, and returns one or nothing."""
        function = self.function(number, name)
        numbers = (_ffi.wasmtime_val_raw_t * max(1, len(arguments)))()
        for place, n in enumerate(arguments):
            numbers[place].i32 = n
        with enter_wasm(self.store) as trap:
            error = _ffi.wasmtime_func_call_unchecked(
                self.store._context(), ctypes.byref(function._func), numbers, len(numbers), trap
            )
            if error:
                raise wasmtime.WasmtimeError._from_ptr(error)
        return numbers[0].i32


class Linked:
    def __init__(self, host: Native, number: int):
        self.host, self.number = host, number

    def run(self, *arguments: int) -> int:
        return self.host.seat.call(self.number, "run", *arguments)
