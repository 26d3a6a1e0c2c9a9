"""Which modules of a model are recorded, by names, patterns and types."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeAlias

from torch.nn import DataParallel, Module
from torch.nn.parallel import DistributedDataParallel

# A name, a pattern, "leaves", a class of modules or a module; or several of these.
Selection: TypeAlias = Any

LEAVES = "leaves"
_WILD = frozenset("*?[")


class Choice(NamedTuple):
    """A module that was chosen."""

    name: str
    module: Module
    is_named: bool  # by its own name: without its output there is an error


def unwrapped(model: Module) -> Module:
    """Return the model itself: hooks on a compiled or replicated one do not see every call."""
    while True:
        if isinstance(model, DataParallel | DistributedDataParallel):
            model = model.module
        elif (original := getattr(model, "_orig_mod", None)) is not None:  # of torch.compile
            model = original
        else:
            return model


def chosen(function: str, model: Module, layers: Selection) -> list[Choice]:
    """Return the modules that `layers` selects, in the order of the model, each once."""
    wanted = [layers] if isinstance(layers, str | type | Module) else layers
    if not isinstance(wanted, Iterable) or not (wanted := list(wanted)):
        raise TypeError(
            f"{function}: `layers` must be a name, a pattern, a class, a module or some of these, "
            f"got {layers!r}"
        )
    places: dict[str, Module] = {}
    for name, module in _named_modules(model):
        places.setdefault(name, module)
    found: dict[str, Choice] = {}
    for item in wanted:
        names = list(_selected(function, item, places))
        if not names:
            raise ValueError(
                f"{function}: `layers` must select modules of the model, got {item!r}, which "
                f"selects none{_nearest(item, places)}"
            )
        is_named = isinstance(item, Module) or item in places
        for name in names:
            before = found.get(name)
            found[name] = Choice(name, places[name], is_named or bool(before and before.is_named))
    return _once([found[name] for name in places if name in found])


def pattern_of(function: str, layers: object) -> str:
    """Return a pattern of names."""
    if not isinstance(layers, str):
        raise TypeError(f"{function}: `layers` must be a pattern of names, got {layers!r}")
    return layers


def matches(name: str, pattern: str) -> bool:
    """Whether a dotted name fits: * is within a component, ** is any number of components."""
    return _matches(name.split("."), pattern.split("."))


def _matches(name: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "**":
        return any(_matches(name[i:], pattern[1:]) for i in range(len(name) + 1))
    return bool(name) and fnmatchcase(name[0], pattern[0]) and _matches(name[1:], pattern[1:])


def _named_modules(model: Module) -> Iterator[tuple[str, Module]]:
    """Yield every module under each of its names; the model itself has that of its class."""
    for name, module in model.named_modules(remove_duplicate=False):
        yield name or type(model).__name__, module


def _selected(function: str, item: Any, places: dict[str, Module]) -> Iterator[str]:
    root = next(iter(places))
    if isinstance(item, Module):
        yield from (name for name, module in places.items() if module is item)
    elif isinstance(item, type):
        yield from (name for name, module in places.items() if isinstance(module, item))
    elif not isinstance(item, str):
        raise TypeError(
            f"{function}: `layers` must be of names, patterns, classes or modules, got {item!r}"
        )
    elif item in places:
        yield item
    elif item == LEAVES:
        yield from (name for name, module in places.items() if not module._modules)
    elif _WILD & set(item):
        for name in places:
            if name != root and matches(name, item):
                yield from _called(name, places)


def _called(name: str, places: dict[str, Module]) -> Iterator[str]:
    """Yield the module, or its children in place of one without a forward: a list of modules."""
    module = places[name]
    if module._modules and type(module).forward is Module.forward:
        for child, inner in module._modules.items():
            if inner is not None:
                yield from _called(f"{name}.{child}", places)
    else:
        yield name


def _once(choices: list[Choice]) -> list[Choice]:
    """Drop a module's further names, unless they were asked for by themselves."""
    seen: set[int] = set()
    kept = []
    for choice in sorted(choices, key=lambda choice: not choice.is_named):
        if id(choice.module) not in seen:
            seen.add(id(choice.module))
            kept.append(choice.name)
    return [choice for choice in choices if choice.name in kept]


def _nearest(item: Any, places: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(item), places, n=3) if isinstance(item, str) else []
    return f"; there are {', '.join(map(repr, near or list(places)[:6]))}, …"
