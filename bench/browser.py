"""A headless Chromium, driven over a pipe by its DevTools protocol; it needs nothing else.

Debian and Ubuntu: `apt install chromium`. CHROMIUM names another, such as Chrome or Edge.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class Browser:
    """A page of a browser.

    Args:
        commands: Descriptor that commands are written to.
        replies: Descriptor that replies are read from.
    """

    def __init__(self, commands: int, replies: int) -> None:
        self._commands = commands
        self._replies = replies
        self._held = b""
        self._number = 0
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Return the result of a command; what the browser tells besides is passed over.

        Raises:
            RuntimeError: If the browser refuses it, or is gone.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._next()
            if reply.get("id") == self._number:
                if "error" in reply:
                    raise RuntimeError(f"the browser refused {method}: {reply['error']}")
                return reply["result"]

    def show(self, file: Path, *, width: int, height: int, dark: bool = False) -> None:
        """Load a file on a screen of this size, in pixels, and wait until it is drawn."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=file.resolve().as_uri())
        while self.value("document.readyState") != "complete":
            pass
        self.value("document.fonts.ready.then(() => true)")

    def value(self, expression: str) -> Any:
        """Return what an expression is worth in the page, as JSON has it."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression} failed: {found['exceptionDetails']['text']}")
        return found["result"].get("value")

    def picture(self) -> bytes:
        """Return the screen as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            read = os.read(self._replies, 1 << 16)
            if not read:
                raise RuntimeError("the browser is gone")
            self._held += read
        line, _, self._held = self._held.partition(b"\0")
        reply: dict[str, Any] = json.loads(line)
        return reply


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser and yield a page of it; it ends with the block."""
    name = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if name is None:
        sys.exit("there is no Chromium; install it (Debian: apt install chromium), or set CHROMIUM")
    read_commands, commands = os.pipe()
    replies, write_replies = os.pipe()
    with tempfile.TemporaryDirectory(prefix="ragkit-browser-") as profile:
        options = [
            *("--headless=new", "--remote-debugging-pipe", "--hide-scrollbars", "--disable-gpu"),
            *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
            f"--user-data-dir={profile}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        # The browser reads commands from descriptor 3 and writes to 4; a shell puts them there.
        run = f'exec "$@" 3<&{read_commands} 4>&{write_replies}'
        process = subprocess.Popen(
            ["/bin/bash", "-c", run, "bash", name, *options],
            pass_fds=(read_commands, write_replies),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_replies)
        try:
            yield Browser(commands, replies)
        finally:
            process.terminate()
            process.wait(timeout=20)
            os.close(commands)
            os.close(replies)
