"""Modules that `import isogram` leaves for the first call that needs them."""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from importlib import import_module
from types import ModuleType

_LOADED: dict[str, ModuleType] = {}


def loaded(*names: str) -> list[ModuleType]:
    """Return modules, imported on a thread of their own if they have not been yet.

    A signal handler that interrupts an import in its own thread finds half of a module there. One
    that interrupts the wait for another thread can wait for that thread too.
    """
    if any(name not in _LOADED for name in names):
        _import_elsewhere(names)
    return [_LOADED[name] for name in names]


def _import_elsewhere(names: tuple[str, ...]) -> None:
    is_done, errors = allocate_lock(), []

    def load() -> None:
        try:
            for name in names:
                _LOADED[name] = import_module(name)
        except BaseException as error:
            errors.append(error)
        finally:
            is_done.release()

    is_done.acquire()
    try:
        start_new_thread(load, ())
    except RuntimeError:  # the interpreter is shutting down, or may have no more threads
        load()
    with is_done:
        pass
    for error in errors:
        raise error
