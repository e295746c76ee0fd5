"""Every command line and every variable in the deployment files is one that the binary has, and the services run with them."""

import base64
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest
import uuid

import compose
from manifests import EXAMPLES, ROOT, TRY, assembled, containers, environment, named, pod, read, services
from running import Network, Service, run

PASSWORD = "twelve green herons wade upstream"
VARIABLES = {"CADASTRE_SERVICE_TOKEN": "a-token-for-the-services-of-this-test", "CADASTRE_ADMIN_PASSWORD": PASSWORD}
# Without Redis, the shared cache is not tried: CACHE=none says so.
WITHOUT_REDIS = os.environ.get("CACHE") == "none"
if WITHOUT_REDIS:
    VARIABLES["CADASTRE_CACHE"] = ""


def secrets():
    """The Secrets as somebody fills them in."""
    # PKCS#8 of an Ed25519 key, as `openssl genpkey -algorithm ed25519` writes it: a head of 16 bytes, and the key.
    der = bytes.fromhex("302e020100300506032b657004220420") + os.urandom(32)
    key = f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n"
    filled = {
        "cadastre-service-token": {"token": VARIABLES["CADASTRE_SERVICE_TOKEN"]},
        "cadastre-admin": {"password": PASSWORD},
        "cadastre-signing-keys": {"signing.pem": key, "secrets.keys": "2026 " + "A" * 43 + "=\n"},
    }
    examples = [one for one in read(EXAMPLES[0]) if one["metadata"]["name"] in filled]
    return [{**one, "stringData": filled[one["metadata"]["name"]]} for one in examples]


def in_kubernetes():
    """Name of the pod → arguments and variables, as in the overlay for trying out."""
    objects = [*assembled(TRY), *secrets()]
    found = {}
    for role, workload in services(objects).items():
        variables = environment(workload, objects)
        if WITHOUT_REDIS:
            variables.pop("CADASTRE_CACHE", None)
        count = 1 if workload["kind"] == "Deployment" else workload["spec"].get("replicas", 2)
        for number in range(count):
            host = role if workload["kind"] == "Deployment" else f"{role}-{number}.{role}"
            found[host] = containers(workload)[0]["args"], variables
    return found


def in_compose():
    return {
        name: (service["command"], service["environment"]) for name, service in compose.services(VARIABLES).items()
    }


def volume(directory, workload, objects):
    """A Secret as the kubelet mounts it: a directory that all may write to, in it a link to one that they may not."""
    [one] = pod(workload)["volumes"]
    holder = named(objects, "Secret", one["secret"]["secretName"])["stringData"]
    top = pathlib.Path(directory) / one["name"]
    inside = top / "..2026_01_31_09_30_00.1"
    for item in one["secret"]["items"]:
        path = inside / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(holder[item["key"]])
        path.chmod(one["secret"]["defaultMode"])
        path.parent.chmod(0o755)
    inside.chmod(0o755)
    (top / "..data").symlink_to(inside.name)
    for entry in {pathlib.Path(item["path"]).parts[0] for item in one["secret"]["items"]}:
        (top / entry).symlink_to(pathlib.Path("..data") / entry)
    top.chmod(0o1777)
    return top


class Settings(unittest.TestCase):
    def test_every_flag_and_variable_is_a_setting_of_the_role_that_is_given_it(self):
        for name, (arguments, variables) in {**in_compose(), **in_kubernetes()}.items():
            with self.subTest(name):
                role, *flags = arguments
                said = run(["config", role, *flags], variables)
                self.assertEqual((said.returncode, said.stderr), (0, ""))
                sources = [f"environment {variable}" for variable, value in variables.items() if value]
                sources += [f"flag {flag}" for flag in flags if flag.startswith("--")]
                for source in sources:
                    self.assertRegex(said.stdout, f"(?m)# {source}$")

    def test_a_variable_that_no_setting_has_is_found(self):
        self.assertIn("CADASTRE_LISTN", run(["config", "gateway"], {"CADASTRE_LISTN": ":1"}).stderr)

    def test_variables_and_command_lines_in_texts_and_scripts_are_those_of_the_binary(self):
        commands = {name: run([name, "--help"]).stdout for name in self.subcommands()}
        known = set(re.findall(r"\[env: (CADASTRE_\w+)\]", "".join(commands.values())))
        ours = {"CADASTRE_BINARY"}
        for path in ("docs/deployment.md", "docker-compose.yml", "deploy/Dockerfile", "deploy/split.sh"):
            text = (ROOT / path).read_text()
            with self.subTest(path):
                self.assertEqual(set(re.findall(r"\bCADASTRE_[A-Z_]*[A-Z]", text)) - known - ours, set())
                for block in re.findall(r"(?ms)^```\w*\n(.*?)^```", text) or [text]:
                    block = block.replace("\\\n", " ")
                    for role, rest in re.findall(r"(?m)\bcadastre (serve|gateway|frontend|dataaccess|health|backup|restore|copy)\b([^#\n]*)", block):
                        for flag in re.findall(r"(?<=\s)--[a-z-]+", rest):
                            self.assertIn(f"{flag}", re.findall(r"--[a-z-]+", commands[role]), rest)

    def subcommands(self):
        listed = run(["--help"]).stdout.split("Commands:")[1].split("Options:")[0]
        return [name for name in re.findall(r"(?m)^  ([a-z]+) ", listed) if name != "help"]

    def test_metrics_that_the_guide_names_exist(self):
        sources = "".join(path.read_text() for path in ROOT.glob("*/src/**/*.rs"))
        named_there = set(re.findall(r"`(cadastre_[a-z_]+)[`{]", (ROOT / "docs/deployment.md").read_text()))
        self.assertTrue(named_there)
        self.assertEqual({name for name in named_there if f'"{name}"' not in sources}, set())

    def test_off_loopback_every_service_has_what_it_insists_on(self):
        for name, (arguments, variables) in {**in_compose(), **in_kubernetes()}.items():
            with self.subTest(name):
                self.assertEqual(variables["CADASTRE_TRUSTED_NETWORK"], "true")
                self.assertGreaterEqual(len(variables["CADASTRE_SERVICE_TOKEN"]), 16)
                if arguments[0] == "frontend":
                    self.assertIn("--keys", arguments)


class Examples(unittest.TestCase):
    """The example of the Secrets is refused as it is, value by value."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="cadastre-deploy-")
        self.addCleanup(shutil.rmtree, self.directory)

    def refusal(self, role, secret, without=None, **instead):
        """What a role says with the example's values of one Secret and good values of all others."""
        example = [one for one in read(EXAMPLES[0]) if one["metadata"]["name"] == secret]
        objects = [one for one in [*assembled(TRY), *secrets()] if one["metadata"]["name"] != secret] + example
        workload = services(objects)[role]
        variables = {**environment(workload, objects), **instead}
        if secret != "cadastre-store" or without:
            variables.pop("CADASTRE_CACHE", None)
        arguments = list(containers(workload)[0]["args"])
        if role == "frontend":
            top = volume(self.directory, workload, objects)
            [mount] = containers(workload)[0]["volumeMounts"]
            arguments = [argument.replace(mount["mountPath"], str(top)) for argument in arguments]
        said = run(arguments, {**variables, "CADASTRE_LISTEN": "127.0.0.1:0"})
        self.assertNotEqual(said.returncode, 0)
        return said.stderr

    def test_a_token_that_was_not_filled_in(self):
        for role in ("gateway", "frontend", "dataaccess"):
            self.assertIn("service-token", self.refusal(role, "cadastre-service-token"))

    def test_a_signing_key_that_was_not_filled_in(self):
        self.assertIn("is not an Ed25519 private key", self.refusal("frontend", "cadastre-signing-keys"))

    def test_a_connection_that_was_not_filled_in(self):
        self.assertIn("azure", self.refusal("dataaccess", "cadastre-store", without="CADASTRE_CACHE").lower())

    def test_a_cache_that_was_not_filled_in(self):
        connection = environment(services(assembled(TRY))["dataaccess"], assembled(TRY) + secrets())
        connection = connection["CADASTRE_AZURE_CONNECTION"]
        said = self.refusal("dataaccess", "cadastre-store", CADASTRE_AZURE_CONNECTION=connection)
        self.assertIn("cache", said)


class Running(unittest.TestCase):
    """The services run as the files say, and a request goes through all of them."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="cadastre-deploy-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.network = Network()
        self.addCleanup(self.network.close)

    def start(self, host, arguments, variables):
        service = Service(self.network, host, arguments, variables, self.directory)
        self.addCleanup(service.end)
        return service

    def work_through(self, door):
        status, answer = door.ask("POST", "/api/v1/auth/login", {"username": "admin", "password": PASSWORD})
        self.assertEqual(status, 200, answer)
        name = f"Lab {uuid.uuid4()}"
        status, answer = door.ask("POST", "/api/v1/addressspaces", {"name": name}, answer["accessToken"])
        self.assertEqual(status, 201, answer)

    def test_of_the_compose_file(self):
        # A deployment has a table of its own, and both files name theirs alike.
        table = "azure-tables:compose"
        running = {}
        for name, (arguments, variables) in in_compose().items():
            arguments = [argument.replace("azure-tables:cadastre", table) for argument in arguments]
            arguments = [argument.replace("/var/lib/cadastre", self.directory) for argument in arguments]
            running[name] = self.start(name, arguments, variables)
        for service in running.values():
            service.await_ready()
        self.work_through(running["gateway"])
        for test in (
            compose.services(VARIABLES)["gateway"]["healthcheck"]["test"],
            json.loads(re.search(r"HEALTHCHECK .*?(\[.*?\])", (ROOT / "deploy/Dockerfile").read_text(), re.S).group(1)),
        ):
            program, *arguments = [part for part in test if part != "CMD"]
            self.assertEqual(program, "/usr/local/bin/cadastre")
            for service in running.values():
                said = run([argument.replace(":8080/", f":{service.port}/") for argument in arguments])
                self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual([service.end() for service in running.values()], [0] * len(running))

    def test_of_the_manifests_with_frontends_that_are_listed_but_not_there(self):
        objects = [*assembled(TRY), *secrets()]
        frontend = services(objects)["frontend"]
        [mount] = containers(frontend)[0]["volumeMounts"]
        top = volume(self.directory, frontend, objects)
        running = {}
        for host, (arguments, variables) in in_kubernetes().items():
            variables = {**variables}
            if "CADASTRE_STORE" in variables:
                variables["CADASTRE_STORE"] = "azure-tables:manifests"
            arguments = [argument.replace(mount["mountPath"], str(top)) for argument in arguments]
            running[host] = self.start(host, arguments, variables)
        for service in running.values():
            service.await_ready()
        absent = {f"127.0.0.1:{port}" for host, port in self.network.ports.items() if host not in running}
        self.assertEqual(len(absent), 4)
        # Its readiness probe gives the gateway this time.
        door = running["gateway"]
        deadline = time.monotonic() + 60
        while door.unhealthy() != absent:
            self.assertLess(time.monotonic(), deadline, door.log.read_text())
            time.sleep(0.05)
        for _ in range(10):
            self.work_through(door)
        for service in running.values():
            self.assertEqual(service.end(), 0, service.log.read_text())

    def test_a_first_password_that_was_not_filled_in_is_refused(self):
        [example] = [one for one in read(EXAMPLES[0]) if one["metadata"]["name"] == "cadastre-admin"]
        given = {}
        for name, (arguments, variables) in in_compose().items():
            arguments = [argument.replace("azure-tables:cadastre", "azure-tables:password") for argument in arguments]
            given[name] = [argument.replace("/var/lib/cadastre", self.directory) for argument in arguments], variables
        for name in ("dataaccess-1", "dataaccess-2"):
            self.start(name, *given[name])
        arguments, variables = given["frontend-1"]
        variables = {**variables, "CADASTRE_ADMIN_PASSWORD": example["stringData"]["password"]}
        refused = self.start("frontend-1", arguments, variables)
        self.assertNotEqual(refused.process.wait(60), 0)
        self.assertIn("CADASTRE_ADMIN_PASSWORD is not accepted", refused.log.read_text())

    def test_keys_at_the_top_of_a_mounted_secret_would_be_refused(self):
        objects = [*assembled(TRY), *secrets()]
        frontend = services(objects)["frontend"]
        top = volume(self.directory, frontend, objects)
        said = run(
            ["frontend", "--keys", str(top)],
            {**environment(frontend, objects), "CADASTRE_LISTEN": "127.0.0.1:0"},
        )
        self.assertIn("can be changed by other users", said.stderr)
