"""docs/significance.md: its code runs and prints what the page shows, in ten lines."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "significance.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", PAGE, re.DOTALL)


def test_examples(capsys):
    names = {}
    for code, printed in EXAMPLES:
        exec(compile(code, "docs/significance.md", "exec"), names)
        assert capsys.readouterr().out == printed
        assert len([line for line in code.splitlines() if line]) <= 10
    assert len(EXAMPLES) == PAGE.count("```python")
