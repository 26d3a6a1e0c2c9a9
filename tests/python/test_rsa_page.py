"""The code of docs/rsa.md runs."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "rsa.md"


def test_code():
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(block, "docs/rsa.md", "exec"), {})
