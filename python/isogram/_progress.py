"""`progress=`: nothing, a bar by tqdm, or a callable of the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, TypeAlias

Progress: TypeAlias = bool | Callable[[int, int], object] | None

_NOBODY: AbstractContextManager[None] = nullcontext()


def reporting(
    function: str, progress: Progress, unit: str = "pair"
) -> AbstractContextManager[Callable[[int, int], object] | None]:
    """Give the callable (done, total) that the core is to call, or None."""
    if progress is None or progress is False:
        return _NOBODY
    if progress is True:
        return _drawing(function, unit)
    if callable(progress):
        return nullcontext(progress)
    raise TypeError(
        f"{function}: `progress` must be True, False or a callable (done, total), got {progress!r}"
    )


@contextmanager
def _drawing(function: str, unit: str) -> Iterator[Callable[[int, int], object]]:
    with _Bar(function, unit) as bar:
        yield bar


class _Bar:
    """A progress bar that appears with the first report, when the total is known."""

    def __init__(self, function: str, unit: str) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            raise ImportError(
                f"{function}: `progress=True` needs tqdm: pip install 'isogram[cli]'"
            ) from error
        self._new: Callable[..., Any] = partial(tqdm, desc=function, unit=unit, unit_scale=True)
        self._bar: Any = None
        self._tiles = ""
        self._goes_on = False

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:  # what is there from before does not count into the rate
            initial = done if self._goes_on else 0
            self._bar = self._new(total=total, initial=initial, postfix=self._tiles)
        self._bar.update(done - self._bar.n)

    def tiles(self, done: int, total: int) -> None:
        """Show how many tiles are done."""
        self._tiles = f"{done}/{total} tiles"
        if self._bar is None:
            self._goes_on = done > 0
        else:
            self._bar.set_postfix_str(self._tiles, refresh=False)
