"""A headless Chromium for tests, driven through the DevTools protocol over two pipes: no package, no port."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 60  # s


def executable():
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


needs_chromium = pytest.mark.skipif(
    executable() is None, reason="no chromium here: `apt-get install chromium` to have the page checked in a browser"
)


class Chromium:
    """One browser with one page; `problems` and `requests` are what the page did."""

    def __init__(self, write, read):
        self._write, self._read, self._buffer, self._number = write, read, b"", 0
        self.problems, self.requests = [], []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    _session = None

    def _send(self, method, params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._number

    def _receive(self):
        while b"\0" not in self._buffer:
            chunk = os.read(self._read, 1 << 16)
            if not chunk:
                raise RuntimeError("chromium went away")
            self._buffer += chunk
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def _call(self, method, **params):
        number = self._send(method, params)
        while True:
            message = self._receive()
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def _note(self, event):
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(params["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.problems.append(str(params["args"]))
        elif method == "Log.entryAdded":
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith("data:"):
            self.requests.append(params["request"]["url"])

    def show(self, path: Path, width=1280, height=900, *, dark=False, reduced_motion=False):
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"},
        ]
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._call("Emulation.setEmulatedMedia", features=features)
        self.problems.clear()
        self.requests.clear()
        self._call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + PATIENCE
        while self.run("document.readyState") != "complete" or self.run("location.href") == "about:blank":
            assert time.monotonic() < deadline, "the page did not load"
            time.sleep(0.02)

    def run(self, script):
        """The value of a JavaScript expression."""
        result = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def press(self, key, text=None):
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        stroke = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", **stroke, **({"text": text} if text else {}))
        self._call("Input.dispatchKeyEvent", type="keyUp", **stroke)

    def accessible(self):
        """The nodes of the accessibility tree: (role, name)."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node]


@contextmanager
def chromium():
    """A running browser, with a profile of its own that is gone afterwards."""
    command_read, command_write = os.pipe()
    answer_read, answer_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:

        def as_descriptors_3_and_4():
            # Out of the way first: a pipe may itself be number 3 or 4.
            commands, answers = os.dup(command_read), os.dup(answer_write)
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        browser = subprocess.Popen(
            [executable(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
             "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            preexec_fn=as_descriptors_3_and_4, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        )  # fmt: skip
        os.close(command_read)
        os.close(answer_write)
        try:
            yield Chromium(command_write, answer_read)
        finally:
            os.close(command_write)
            os.close(answer_read)
            browser.terminate()
            browser.wait(PATIENCE)
