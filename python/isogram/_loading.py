"""Modules that `import isogram` leaves for the first call that needs them."""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

_LOADED: dict[str, ModuleType] = {}
_LOADERS: set[int] = set()  # the threads that import now
# Held by whoever imports, or forks: a child would have half of a module for ever.
_LOCK = allocate_lock()

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


def if_imported(module: str, name: str) -> Any:
    """Return a class of a module if that is imported: before, there is no object of it.

    NumPy too imports its modules when first asked for them, which a signal handler that calls
    isogram may interrupt half way.
    """
    return getattr(sys.modules.get(module), name, ())


def _import_elsewhere(names: tuple[str, ...]) -> None:
    if get_ident() in _LOADERS:  # a finalizer, in the midst of the import: it cannot wait for that
        raise RuntimeError(_in_the_midst(names))
    if sys.is_finalizing():  # no other thread runs any more
        _LOADED.update({name: import_module(name) for name in names})
        return
    is_done, errors = allocate_lock(), []

    def load() -> None:
        _LOADERS.add(get_ident())
        try:
            with _LOCK:
                _LOADED.update({name: import_module(name) for name in names})
        except BaseException as error:
            errors.append(error)
        finally:
            _LOADERS.discard(get_ident())
            is_done.release()

    is_done.acquire()
    if not _starts(load):
        load()
    # The thread waits for ever if what this call interrupted is itself importing the modules.
    if not is_done.acquire(timeout=_SECONDS):
        raise RuntimeError(_in_the_midst(names))
    for error in errors:
        raise error


def _starts(function: Callable[[], None]) -> bool:
    """Start a thread, unless there can be no more."""
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


# Whether the lock is held for a fork, which waits for imports.
_FORKS: list[bool] = []


def _before_fork() -> None:
    _FORKS.append(get_ident() not in _LOADERS and _LOCK.acquire(timeout=_SECONDS))


def _after_fork() -> None:
    if _FORKS.pop():
        _LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
