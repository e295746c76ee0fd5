"""The real binary, run with the command lines and variables of the deployment files. Only what a machine of its own would
bring is replaced: addresses, directories, and where the stores are."""

import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time
import urllib.request

BINARY = os.environ["CADASTRE_BINARY"]
# For processes of ours: nothing of ours in the environment is theirs.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("CADASTRE_")}
EMULATOR = re.compile(r"http://azurite:10002")
REDIS = re.compile(r"redis://redis:6379")


def run(arguments, environment=None, patience=60):
    """A command to its end."""
    return subprocess.run(
        [BINARY, *arguments],
        env={**CLEAN, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=patience,
        stdin=subprocess.DEVNULL,
    )


def held_port():
    """A port of loopback that is ours: bound, so that nobody takes it, and without anybody who listens."""
    while True:
        holder = socket.socket()
        try:
            # Outside of the range that outgoing connections take theirs from.
            holder.bind(("127.0.0.1", random.randrange(10_000, 30_000)))
            return holder
        except OSError:
            holder.close()


class Network:
    """Ports of loopback in the place of hosts. Those of hosts that are not there are held."""

    def __init__(self):
        self.held = {}
        self.ports = {}

    def port(self, host):
        if host not in self.ports:
            self.held[host] = held_port()
            self.ports[host] = self.held[host].getsockname()[1]
        return self.ports[host]

    def let_go(self, host):
        """For the host that listens there now."""
        self.held.pop(host).close()

    def close(self):
        for holder in self.held.values():
            holder.close()

    def translated(self, text):
        text = EMULATOR.sub(f"http://{os.environ['CADASTRE_TEST_AZURITE']}", text)
        text = REDIS.sub(f"redis://{os.environ.get('CADASTRE_TEST_REDIS')}", text)
        return re.sub(
            r"http://((?:gateway|frontend|dataaccess)[a-z0-9.-]*):8080",
            lambda match: f"http://127.0.0.1:{self.port(match.group(1))}",
            text,
        )


class Service:
    """One container's command, as a process."""

    def __init__(self, network, host, arguments, environment, directory):
        self.host = host
        self.port = network.port(host)
        self.log = pathlib.Path(directory) / f"{host}.log"
        environment = {name: network.translated(value) for name, value in environment.items()}
        environment["CADASTRE_LISTEN"] = f"127.0.0.1:{self.port}"
        network.let_go(host)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [BINARY, *map(network.translated, arguments)],
                env={**CLEAN, **environment},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def ask(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()

    def unhealthy(self):
        """HOST:PORT of the upstreams that a gateway does not ask any more."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=40) as page:
            return set(re.findall(r'(?m)^cadastre_gateway_upstream_healthy{upstream="([^"]*)"} 0$', page.read().decode()))

    def await_ready(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.ask("GET", "/ready")[0] == 200:
                    return
            except OSError:
                pass
            assert self.process.poll() is None, f"{self.host} has ended:\n{self.log.read_text()}"
            time.sleep(0.05)
        raise AssertionError(f"{self.host} is not ready:\n{self.log.read_text()}")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)
