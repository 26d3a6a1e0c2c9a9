"""A controller that lets threadpoolctl list and limit isogram's threads."""

from __future__ import annotations

import threadpoolctl

from isogram import _core


class IsogramController(threadpoolctl.LibController):  # type: ignore[misc]  # it has no types
    """isogram's threads, by the C symbols of its extension module."""

    user_api = "isogram"
    internal_api = "isogram"
    # Others' extension modules may be called _core too: the symbols tell them apart.
    filename_prefixes = ("_core",)
    check_symbols = ("isogram_get_num_threads", "isogram_set_num_threads")

    def get_num_threads(self) -> int:
        """Return the number of threads of calls that do not name one."""
        return int(self.dynlib.isogram_get_num_threads())

    def set_num_threads(self, num_threads: int) -> None:
        """Choose that number."""
        self.dynlib.isogram_set_num_threads(num_threads)

    def get_version(self) -> str:
        """Return isogram's version."""
        return str(_core.build_info()["version"])

    def set_additional_attributes(self) -> None:
        """Add nothing."""


threadpoolctl.register(IsogramController)
