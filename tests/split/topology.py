"""The topology of deploy/split.sh as a test sees it: started in a directory of its own, its processes by name, its door."""

import http.client
import json
import os
import pathlib
import random
import socket
import subprocess
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "frontend-1", "frontend-2", "dataaccess-1", "dataaccess-2")
# How far behind the gateway's port the others are.
OFFSETS = {name: offset for offset, name in enumerate((*SERVICES, "azurite", "redis"))}
PATIENCE = 60


class Lost(AssertionError):
    """A request that was not answered although it was sent again and again."""


def wait_until(condition, what, patience=PATIENCE):
    """Waits until condition() is true; fails with what() after patience seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(what())
        time.sleep(0.02)


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Topology:
    """deploy/split.sh, running."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process = None
        self.port = None
        self.screen = self.directory / "screen"

    def start(self):
        """Starts it and waits until it says where it is. On the ports it had before, if it had any."""
        for _ in range(20):
            port = self.port or self._free_ports()
            with open(self.screen, "wb") as screen:
                self.process = subprocess.Popen(
                    [ROOT / "deploy/split.sh"],
                    stdin=subprocess.DEVNULL,
                    stdout=screen,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "DATA": str(self.directory / "data"), "PORT": str(port)},
                    # As on a terminal of its own: what the test is told to stop reaches the test.
                    start_new_session=True,
                )
            # Packages may have to be installed.
            wait_until(lambda: self.process.poll() is not None or "URL" in self.said(), self.told, 600)
            if self.process.poll() is None:
                self.port = port
                return self
            # Somebody else took a port between our look and our start.
            if "in use" not in self.told():
                break
        raise AssertionError("the topology did not start:\n" + self.told())

    @staticmethod
    def _free_ports():
        while True:
            # Outside of the range that outgoing connections take theirs from.
            port = random.randrange(10_000, 30_000)
            if not any(listens(port + offset) for offset in OFFSETS.values()):
                return port

    def said(self):
        return self.screen.read_text()

    def told(self):
        """What its screen and its logs say at the end, for a failure."""
        texts = [self.said()]
        for log in sorted((self.directory / "data/logs").glob("*.log")):
            texts.append(f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))
        return "\n".join(texts)

    def pids(self):
        """Name → pid of everything that was started and has not been stopped."""
        files = (self.directory / "data/run").glob("*.pid")
        return {file.stem: int(file.read_text()) for file in files if file.stem != "split"}

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, number):
        """Sends a signal and waits for the end; the answer is the exit code."""
        self.signal(number)
        return self.process.wait(15)

    def is_ready(self, name):
        try:
            return Door(self.port + OFFSETS[name]).once("GET", "/ready")[0] == 200
        except OSError:
            return False

    def password(self):
        return (self.directory / "data/admin-password").read_text().strip()

    def panics(self):
        logs = (self.directory / "data/logs").glob("*.log")
        return [line for log in logs for line in log.read_text(errors="replace").splitlines() if "panic" in line]


class Door:
    """A caller. Sends again what may be sent again: a GET, and a POST with its Idempotency-Key."""

    def __init__(self, port, token=None):
        self.port = port
        self.token = token
        self.sent_again = 0

    def logged_in(self, password):
        answer = self.get_through("POST", "/api/v1/auth/login", {"username": "admin", "password": password})
        return Door(self.port, answer["accessToken"])

    def once(self, method, path, body=None, key=None):
        """One request on a connection of its own: status and body. OSError if there was no answer."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def get_through(self, method, path, body=None):
        """Sends a request until it is answered with success."""
        key = str(uuid.uuid4()) if method == "POST" and "/auth/" not in path else None
        deadline = time.monotonic() + PATIENCE
        last = None
        while time.monotonic() < deadline:
            try:
                status, answer = self.once(method, path, body, key)
            except OSError as error:
                last = repr(error)
            else:
                if status in (200, 201):
                    return answer
                last = f"{status} {answer}"
                # Away for a moment, or one race too many: the answer says to come again.
                if status != 503 and not (status == 409 and answer["error"]["code"] == "Contention"):
                    break
            self.sent_again += 1
            time.sleep(0.05)
        raise Lost(f"{method} {path}: {last}")
