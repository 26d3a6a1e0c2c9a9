"""A GPU that is none: the package's kernels run by the emulator, on arrays that behave like CuPy's.

What is real here: the kernels' sources, their bindings, and the whole walk in Python. What stands
in for CuPy: NumPy's functions, behind a wall that keeps arrays of the host and of each "GPU" apart,
and that counts how often the host waits for a value; and streams whose work is put off for as long
as their user allows. What is not tried: cuBLAS, real streams and DLPack.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from isogram._device.device import Device
from ml_dtypes import bfloat16
from numpy.lib.mixins import NDArrayOperatorsMixin

WAITS = 0
GPU = 0  # the current one
STREAMS = {0: None}  # by address, which is that of the current one's
STREAM = 0


def _wait():
    global WAITS
    WAITS += 1


class EmulatedArray(NDArrayOperatorsMixin):
    """An array in the memory of an emulated GPU."""

    __array_priority__ = 1000

    def __init__(self, host, number=0):
        self._host = host
        self.number = number

    def __repr__(self):
        return f"EmulatedArray({self._host!r})"

    # What CuPy refuses, or does at the price of a wait.

    def __array__(self, *_, **__):
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def get(self):
        _wait()
        return self._host.copy()

    def __bool__(self):
        _wait()
        return bool(self._host)

    def __float__(self):
        _wait()
        return float(self._host)

    def __int__(self):
        _wait()
        return int(self._host)

    __index__ = __int__

    # What does not wait.

    @property
    def __cuda_array_interface__(self):
        interface = self._host.__array_interface__
        names = ("shape", "typestr", "data", "strides")
        return {name: interface[name] for name in names} | {"version": 3}

    def __dlpack_device__(self):
        return 2, self.number

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (EmulatedArray(part, self.number) for part in self._host)

    def __getitem__(self, key):
        return on_device(self._host[on_host(key)], self.number)

    def __setitem__(self, key, value):
        self._host[on_host(key)] = on_host(value)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        attribute = getattr(self._host, name)
        if callable(attribute):
            return emulated(attribute, self.number)
        return on_device(attribute, self.number)

    def __array_ufunc__(self, ufunc, method, *inputs, **parameters):
        return emulated(getattr(ufunc, method))(*inputs, **parameters)


def on_device(value, number=0):
    """Wrap NumPy's arrays and scalars, also inside of tuples."""
    if isinstance(value, tuple) and any(isinstance(v, np.ndarray) for v in value):
        return tuple(on_device(v, number) for v in value)
    if isinstance(value, np.ndarray | np.generic):
        return EmulatedArray(np.asarray(value), number)
    return value


def on_host(value):
    """Unwrap; NumPy's own arrays are refused, as CuPy refuses them."""
    if isinstance(value, EmulatedArray):
        return value._host
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(on_host, value))
    if isinstance(value, dict):
        return {key: on_host(v) for key, v in value.items()}
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host among those of a GPU")
    return value


def emulated(function, number=None):
    """Return a function of NumPy as one of emulated arrays; like CuPy's, it never warns."""

    @functools.wraps(function)
    def call(*arguments, **parameters):
        places = {a.number for a in arguments if isinstance(a, EmulatedArray)}
        if number is not None:
            places.add(number)
        assert len(places) < 2, "arrays of different GPUs"
        with np.errstate(all="ignore"):
            result = function(*on_host(arguments), **on_host(parameters))
        return on_device(result, *(places or {GPU}))

    return call


class Stream:
    """A stream beside the main one, whose work is done when somebody waits for it, and not before.

    What is used too early, or overwritten too early, then is wrong for certain.
    """

    def __init__(self):
        self.work = []
        self.done = 0
        STREAMS[id(self)] = self

    def __enter__(self):
        global STREAM
        self.outer, STREAM = STREAM, id(self)

    def __exit__(self, *_):
        global STREAM
        STREAM = self.outer

    def work_off(self, end):
        """Do what was queued first."""
        while self.done < end:
            self.done += 1
            self.work[self.done - 1]()


def queued(function):
    """Return a function whose calls wait in the current stream, and that returns nothing."""

    @functools.wraps(function)
    def call(*arguments, **parameters):
        work = functools.partial(function, *arguments, **parameters)
        if STREAM:
            STREAMS[STREAM].work.append(work)
        else:
            work()

    return call


class Kernels:
    """The emulated kernels: those that are given a stream queue themselves there."""

    def __dir__(self):
        import _cuda_emulated

        return dir(_cuda_emulated)

    def __getattr__(self, name):
        import _cuda_emulated

        function = getattr(_cuda_emulated, name)
        if isinstance(function, type):
            return function

        @functools.wraps(function)
        def call(*arguments, **parameters):
            if STREAM and arguments[0] == STREAM:
                return queued(function)(0, *arguments[1:], **parameters)
            return function(*arguments, **parameters)

        return call


KERNELS = Kernels()


class Module:
    """A module of functions of NumPy's arrays, for emulated ones."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return emulated(getattr(self._module, name))


class Namespace(Module):
    """NumPy, with emulated arrays."""

    def __init__(self):
        super().__init__(np)
        self.linalg = Module(np.linalg)

    @staticmethod
    def asarray(value, dtype=None):
        host = on_host(value) if isinstance(value, EmulatedArray) else value
        return on_device(np.asarray(host, dtype), GPU)

    @staticmethod
    def empty(shape, dtype=float):
        """Poisoned: NaN, or a value that nobody expects."""
        array = np.empty(shape, dtype)
        array.fill(np.nan if array.dtype.kind == "f" else 77)
        return EmulatedArray(array, GPU)


NAMESPACE = Namespace()


@dataclass(frozen=True)
class EmulatedDevice(Device):
    """A GPU whose memory is the host's."""

    # Small enough for walks of several tiles over small matrices.
    tile_bytes = 4 * 32 * 32
    cache_bytes = 512
    free_bytes = 1 << 40

    @classmethod
    def adopt(cls, value):
        return value

    @classmethod
    def holding(cls, array):
        return cls(array.number)

    @classmethod
    def why_unusable(cls):
        return None

    @classmethod
    def count(cls):
        return 2

    @property
    def xp(self):
        return NAMESPACE

    @property
    def kernels(self):
        return KERNELS

    @property
    def stream(self):
        return STREAM

    @property
    def memory(self):
        return 1 << 40

    @property
    def free(self):
        return self.free_bytes

    @property
    def cache(self):
        return self.cache_bytes

    @property
    def scratch(self):
        return self.tile_bytes

    @property
    def cost_of_doubles(self):
        return 1.0

    @contextmanager
    def entered(self):
        global GPU
        outer, GPU = GPU, self.number
        try:
            yield
        finally:
            GPU = outer

    @contextmanager
    def lanes(self, count):
        streams = [Stream() for _ in range(count)]
        try:
            yield streams
        finally:
            for stream in streams:
                stream.work_off(len(stream.work))

    def mark(self):
        return STREAM and (STREAMS[STREAM], len(STREAMS[STREAM].work))

    def wait(self, mark):
        if mark:
            assert not STREAM, "one stream beside the main one waits for another"
            stream, end = mark
            stream.work_off(end)

    @queued
    def matmul(self, a, b, out, precision="float32"):
        assert out._host.strides[1] == out.itemsize or out.shape[1] == 1
        for matrix in (a, b):
            assert matrix.itemsize in matrix._host.strides or matrix.size == 1
        a, b, out = a._host, b._host, out._host
        if a.dtype == np.int8:
            assert a.shape[1] % 4 == 0
            assert out.dtype == np.int32
            out[...] = a.astype(np.int32) @ b.astype(np.int32)
        elif a.dtype == np.uint16:
            assert out.dtype == np.float32
            out[...] = from_bits(a) @ from_bits(b)
        else:
            assert a.dtype == b.dtype == out.dtype
            rounding = {"float32": lambda x: x, "tf32": to_tf32, "bfloat16": to_bfloat16}[precision]
            with np.errstate(over="ignore", invalid="ignore"):  # as a GPU does
                out[...] = rounding(a) @ rounding(b)

    @queued
    def clear(self, sums):
        sums._host[...] = 0

    @queued
    def add(self, terms, sums):
        sums._host[...] += terms._host

    def copy_of(self, array):
        if isinstance(array, np.ndarray):
            return EmulatedArray(array.copy(), self.number)
        return (
            array if array.number == self.number else EmulatedArray(array._host.copy(), self.number)
        )

    def to_host(self, array):
        return array.get()


def to_tf32(x):
    """Keep 10 bits of the fraction, as tensor cores do."""
    return ((x.view(np.uint32) + 0x1000) & ~np.uint32(0x1FFF)).view(np.float32)


def from_bits(x):
    """Widen the bits of bfloat16."""
    return (x.astype(np.uint32) << 16).view(np.float32)


def to_bfloat16(x):
    return x.astype(bfloat16).astype(np.float32)


def array(x):
    """Copy to the emulated GPU."""
    return EmulatedArray(np.array(x))


def waits():
    """Return how often the host has waited so far."""
    return WAITS
