"""Modules that `import isogram` leaves for the first call that needs them."""

from __future__ import annotations

import sys
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

_LOADED: dict[str, ModuleType] = {}
_LOADERS: set[int] = set()  # the threads that import now

# Longer than any import takes.
_SECONDS = 30.0


def loaded(*names: str) -> list[ModuleType]:
    """Return modules, imported on a thread of their own if they have not been yet.

    A signal handler that interrupts an import in its own thread finds half of a module there. One
    that interrupts the wait for another thread can wait for that thread too.
    """
    if any(name not in _LOADED for name in names):
        _import_elsewhere(names)
    return [_LOADED[name] for name in names]


def _import_elsewhere(names: tuple[str, ...]) -> None:
    if get_ident() in _LOADERS:  # a finalizer, in the midst of the import: it cannot wait for that
        raise RuntimeError(_in_the_midst(names))
    is_done, errors = allocate_lock(), []

    def load() -> None:
        _LOADERS.add(get_ident())
        try:
            for name in names:
                _LOADED[name] = import_module(name)
        except BaseException as error:
            errors.append(error)
        finally:
            _LOADERS.discard(get_ident())
            is_done.release()

    is_done.acquire()
    if sys.is_finalizing() or not _starts(load):
        load()
    # The thread waits for ever if what this call interrupted is itself importing the modules.
    if not is_done.acquire(timeout=_SECONDS):
        raise RuntimeError(_in_the_midst(names))
    for error in errors:
        raise error


def _starts(function: Callable[[], None]) -> bool:
    """Start a thread, unless there can be no more: the interpreter is shutting down, or limits."""
    try:
        start_new_thread(function, ())
    except RuntimeError:
        return False
    return True


def _in_the_midst(names: tuple[str, ...]) -> str:
    return (
        f"isogram: this call interrupted the import of {names[0]}, which it needs: call it once "
        "before, or not from a finalizer or signal handler"
    )
