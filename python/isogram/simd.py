"""Which instruction set the kernels use."""

from __future__ import annotations

from isogram import _core
from isogram._arguments import choice

__all__ = ["available", "level", "set_level"]


def available() -> tuple[str, ...]:
    """Return the names of the levels that this build has and this processor runs, lowest first.

    Examples
    --------
    >>> import isogram as ig
    >>> ig.simd.available()[0]
    'baseline'
    """
    return tuple(_core.simd_levels())


def level() -> str:
    """Return the level in use: set_level(), else ISOGRAM_SIMD_LEVEL, else the highest available.

    Examples
    --------
    >>> import isogram as ig
    >>> ig.simd.level() in ig.simd.available()
    True
    """
    return _core.simd_level()


def set_level(name: str) -> None:
    """Choose a level, for all threads and all calls from now on.

    Raises
    ------
    ValueError
        A level that is not available.

    Examples
    --------
    >>> import isogram as ig
    >>> ig.simd.set_level(ig.simd.level())
    """
    _core.set_simd_level(choice("set_level", "name", name, available()))
