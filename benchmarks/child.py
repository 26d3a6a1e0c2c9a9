"""A program that runs beside the suite and answers each line with a number."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence


class Child:
    """The program, waiting for questions."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions = self._process.stdin
        self._answers = self._process.stdout

    def ask(self, question: str = "") -> float:
        """Return the answer to a question."""
        self._questions.write(question + "\n")
        self._questions.flush()
        return float(self._answers.readline())

    def close(self) -> None:
        """End the program."""
        self._questions.close()
        self._answers.close()
        self._process.wait()
