"""A page in a real browser without a window, told what to do over its debugging pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from contextlib import contextmanager

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--window-size=1280,1300",
)


def chromium():
    """The program, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """One page: messages are JSON, each ended by a zero byte."""

    def __init__(self, reads, writes):
        self._reads, self._writes, self._number, self._session = reads, writes, 0, None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """A command of the browser and what it answers; what else happened meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self):
        content = bytearray()
        while (byte := self._reads.read(1)) != b"\0":
            assert byte, "the browser ended"
            content += byte
        return json.loads(content)

    def open(self, path):
        """Load a file, and wait until it is there."""
        self.call("Page.navigate", url=path.absolute().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def resize(self, width, height=900, scheme="light"):
        """Be as wide as a phone or a desk, in a light or a dark room."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key, text=""):
        """Press a key and let it go."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text if kind == "keyDown" else "")

    def run(self, script):
        """What a script gives, as JSON."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def mouse(self, kind, x, y):
        """Move the mouse, or press or release its button."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def click(self, x, y):
        """Click at a place of the window."""
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def at(self, name):
        """Where an element lies in the window."""
        return self.run(
            f"(() => {{const b = document.getElementById('{name}').getBoundingClientRect(); return [b.left, b.top]}})()"
        )

    def picture(self, path):
        """Write what is seen as a PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def faults(self):
        """What the page complained of, and what it asked the network for."""
        bad = ("Runtime.exceptionThrown", "Log.entryAdded")
        asked = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [event for event in self.events if event.get("method") in bad], asked


@contextmanager
def page(folder):
    """A page of a browser of its own, which is gone afterwards."""
    (their_read, my_write), (my_read, their_write) = os.pipe(), os.pipe()

    def place():
        """The browser reads from its handle 3 and writes to 4."""
        spare = [os.dup(their_read), os.dup(their_write)]
        os.dup2(spare[0], 3)
        os.dup2(spare[1], 4)

    process = subprocess.Popen(
        [chromium(), *FLAGS, f"--user-data-dir={folder / 'profile'}"],
        preexec_fn=place,  # noqa: PLW1509 - nothing but the numbers of two handles
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_read)
    os.close(their_write)
    try:
        with os.fdopen(my_read, "rb", buffering=0) as reads:
            yield Page(reads, my_write)
    finally:
        process.kill()
        process.wait()
        os.close(my_write)
