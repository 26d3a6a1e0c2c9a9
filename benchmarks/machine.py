"""What the figures were measured on and with."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import isogram as ig
from isogram._machine import cores as cores
from isogram._machine import processor as processor

from benchmarks.baselines.rivals import PACKAGES

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def caches() -> dict[str, str]:
    """Return the sizes of the first core's caches."""
    result = {}
    for folder in sorted(CACHES.glob("index*")):
        level, kind, size = (
            (folder / name).read_text().strip() for name in ("level", "type", "size")
        )
        suffix = {"Data": "d", "Instruction": "i"}.get(kind, "")
        result[f"L{level}{suffix}"] = size
    return result


def versions() -> dict[str, str]:
    """Return the versions of Python, isogram and every package compared with."""
    result = {"python": platform.python_version(), "isogram": ig.__version__}
    for package in sorted({"numpy", "scipy", *PACKAGES.values()}, key=str.lower):
        try:
            result[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return result


def blas() -> list[str]:
    """Return the BLAS libraries in use with the kernels they picked."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [
        f"{pool['internal_api']} {pool['version']} ({pool.get('architecture', 'unknown')})"
        for pool in pools
    ]


def commit() -> str:
    """Return the commit of the working tree, with a + where files other than results differ."""
    here = Path(__file__).parent
    try:
        described = _git(here, "describe", "--always", "--exclude=*")
        # A run writes its own results, which make its later cases no different.
        changed = _git(
            here, "status", "--porcelain", "--untracked-files=no", "--", ":/", ":!results"
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def describe() -> dict[str, Any]:
    """Return all of it."""
    return {
        "processor": processor(),
        "cores": cores(),
        "caches": caches(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "simd_level": ig.simd.level(),
        "simd_available": list(ig.simd.available()),
        "blas": blas(),
        "versions": versions(),
    }


def folder_name() -> str:
    """Return a name for this kind of machine that a folder can have."""
    name = f"{processor()} {ig.simd.available()[-1]} {cores()} cores"
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
