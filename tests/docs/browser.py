"""Headless Chromium over a folder that is served on this machine's loopback."""

import contextlib
import functools
import html
import http.server
import io
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from tests.patience import SECONDS

CHROMIUM = shutil.which("chromium")
DARK, LIGHT = "dark", "light"
_STARTS = 3
_FRAME = f"measuring-frame-{os.getpid()}.html"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The address under which a folder is served, as long as the block runs."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(SECONDS)


def starts():
    """Whether there is a Chromium here that starts."""
    if CHROMIUM is None:
        return False
    return (
        subprocess.run([CHROMIUM, "--version"], capture_output=True, timeout=SECONDS).returncode
        == 0
    )


def _ended(command):
    """Run a browser to its end. One that hangs, as a headless one sometimes does with its virtual
    time, is killed with all of its processes and started again; the last time that is a failure.

    Raises:
        TimeoutExpired, CalledProcessError: as ``subprocess.run``.
    """
    for left in reversed(range(_STARTS)):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **pipes, start_new_session=True) as process:
            try:
                out, said = process.communicate(timeout=SECONDS / _STARTS)
            except subprocess.TimeoutExpired:
                if left == 0:
                    raise
                continue
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        run = subprocess.CompletedProcess(command, process.returncode, out, said)
        run.check_returncode()
        return run


class Browser:
    """Looks at the pages of one folder.

    Args:
        folder: of the pages; the page that measures is written into it, and taken away again.
        address: under which it is served.
        profile: an empty folder of the browser's own.
    """

    def __init__(self, folder, address, profile):
        self._folder, self._address, self._profile = Path(folder), address, profile
        self.console = []

    def _run(self, page, *options, scheme=LIGHT, budget=1500):
        run = _ended(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking", "--disable-sync"),
                *("--disable-component-update", f"--user-data-dir={self._profile}"),
                *("--enable-logging=stderr", "--v=0", "--hide-scrollbars"),
                f"--blink-settings=preferredColorScheme={0 if scheme == DARK else 1}",
                *(f"--virtual-time-budget={budget}", *options, f"{self._address}/{page}"),
            ]
        )
        said = run.stderr.decode("utf-8", "replace").splitlines()
        self.console += [line for line in said if ":CONSOLE" in line]
        return run.stdout.decode("utf-8")

    def measure(self, page, script, *, width=1280, scheme=LIGHT):
        """What a function body returns that is given ``page`` (the document) and ``wait(ms)``.

        The page is shown in a frame of that width; what is returned must be JSON's.
        """
        return self.measure_all([page], script, widths=[width], scheme=scheme)[page, width]

    def measure_all(self, pages, script, *, widths, scheme=LIGHT):
        """``measure`` of several pages at several widths at once: (page, width) -> what it returns.

        They are frames of one document, each with its own; one start of the browser is enough.
        """
        asked = [(page, width) for page in pages for width in widths]
        frames = "".join(
            f'<iframe width={width} height=1200 frameborder=0 src="{html.escape(page)}"></iframe>'
            for page, width in asked
        )
        frame = self._folder / _FRAME
        frame.write_text(
            f"<!DOCTYPE html>{frames}<pre id=answer></pre><script>"
            "const wait = (ms) => new Promise((done) => setTimeout(done, ms));"
            f"const look = async (page) => {{ {script} }};"
            "onload = async () => { await wait(300); const found = [];"
            "for (const frame of document.querySelectorAll('iframe')) {"
            "try { found.push(await look(frame.contentDocument)) }"
            "catch (error) { found.push(String(error)) } }"
            "answer.textContent = JSON.stringify(found) }</script>",
            "utf-8",
        )
        try:
            document = self._run(_FRAME, "--dump-dom", scheme=scheme, budget=8000)
        finally:
            frame.unlink()
        answer = re.search(r"<pre [^>]*>(.*?)</pre>", document, re.S)[1]
        return dict(zip(asked, json.loads(html.unescape(answer)), strict=True))

    def picture(self, page, file, *, width=1280, height=1400, scheme=LIGHT):
        """A screenshot, also written into that file; uint8 (H, W, 3)."""
        size = f"--window-size={width},{height}"
        self._run(page, f"--screenshot={file}", size, scheme=scheme)
        return np.asarray(Image.open(io.BytesIO(Path(file).read_bytes())).convert("RGB"))
