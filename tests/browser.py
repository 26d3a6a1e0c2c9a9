"""A headless Chromium, driven through pipes: no driver and no library are needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from select import select
from typing import Any

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PATIENCE = 120  # seconds without a sign of the browser


class Browser:
    """One page of a browser, and all that happened in it.

    Attributes
    ----------
    events
        Messages of the DevTools protocol since the page was opened.
    """

    def __init__(self, folder: Path) -> None:
        """Start a browser that keeps its files in `folder`."""
        assert CHROMIUM is not None
        commands, answers = os.pipe(), os.pipe()
        # The browser reads from 3 and writes to 4; a shell makes them, as forks of a process with
        # threads must do nothing but exec.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands[0], answers[1])]
        pipes = 'exec "$0" "$@" 3</dev/fd/{} 4>/dev/fd/{}'.format(*theirs)
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")
        self._process = subprocess.Popen(
            ["sh", "-c", pipes, CHROMIUM, *flags, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=theirs,
            # A sanitizer's library that this interpreter was started with is not the browser's.
            env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"},
        )
        for end in (commands[0], answers[1], *theirs):
            os.close(end)
        self._commands = os.fdopen(commands[1], "wb", buffering=0)
        self._answers = os.fdopen(answers[0], "rb", buffering=0)
        self._rest, self._last, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self._commands.close()
        self._answers.close()
        self._process.kill()
        self._process.wait()

    def open(self, path: Path) -> None:
        """Load a file, and wait until it is there."""
        self.events = []
        self.send("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive()
        self.run("0")  # what the page did has been reported by then

    def run(self, script: str) -> Any:
        """Return the value of an expression of JavaScript."""
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """Press a key and let it go."""
        code = {"Enter": 13, "Tab": 9, "ArrowRight": 39, "ArrowDown": 40}[key]
        for kind in ("keyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode=code,
            )

    def point_at(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def resize(self, width: int, height: int, mobile: bool = False) -> None:
        """Be a window, or the screen of a phone."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def print(self, path: Path) -> None:
        """Write the page as it is printed."""
        answer = self.send("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for, besides itself and what it holds."""
        urls = [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls[1:] if not url.startswith("data:")]

    def complaints(self) -> list[Any]:
        """Return errors and warnings of scripts, and of the browser about the page."""
        return [
            event["params"]
            for event in self.events
            if event["method"]
            in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        ]

    def send(self, method: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol and return its answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._last:
            pass
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select([self._answers], [], [], PATIENCE)[0], "the browser does not answer"
            part = self._answers.read(1 << 16)
            assert part, "the browser ended"
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(message)
        if "method" in answer:
            self.events.append(answer)
        return answer
