"""The files are what Kubernetes and Compose understand; an unknown field is a fault, and the check is known to find it."""

import copy
import json
import pathlib
import shutil
import subprocess
import unittest
from importlib import resources

import jsonschema
import kubernetes_validate
import yaml

from manifests import BASE, EXAMPLES, ROOT, TRY, assembled, containers, identity, read, services

# The oldest that has everything that is used (the sleep before a pod's end), and the newest that the validator knows.
VERSIONS = ("1.30", "1.37")


def faults(one):
    """What the schemas of Kubernetes say against an object."""
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            found.append(f"{version}: {error}")
    return found


class Kubernetes(unittest.TestCase):
    def objects(self):
        return [*assembled(BASE), *assembled(TRY), *(one for path in EXAMPLES for one in read(path))]

    def test_every_manifest_is_valid_and_has_no_field_that_is_unknown(self):
        for one in self.objects():
            with self.subTest(identity(one)):
                self.assertEqual(faults(one), [])

    def test_a_broken_copy_of_a_manifest_is_found(self):
        def misspell(one):
            containers(one)[0]["readinesProbe"] = {}

        def misspell_deeply(one):
            containers(one)[0]["securityContext"]["readonlyRootFilesystem"] = True

        def put_text_for_a_number(one):
            containers(one)[0]["ports"][0]["containerPort"] = "http"

        def leave_away(one):
            del one["spec"]["selector"]

        for how in (misspell, misspell_deeply, put_text_for_a_number, leave_away):
            broken = copy.deepcopy(services(assembled(BASE))["gateway"])
            how(broken)
            with self.subTest(how.__name__):
                self.assertEqual(len(faults(broken)), len(VERSIONS))

    def test_every_file_belongs_to_a_kustomization_or_is_an_example(self):
        used = {*EXAMPLES}
        for directory in (BASE, TRY):
            used.add(directory / "kustomization.yaml")
            used |= {directory / name for name in read(directory / "kustomization.yaml")[0]["resources"]}
        self.assertEqual({path for path in (ROOT / "deploy/kubernetes").rglob("*.yaml")} - used, set())

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl, which is not needed for the rest, is not there to compare with")
    def test_kubectl_puts_the_kustomizations_together_in_the_same_way(self):
        for directory in (BASE, TRY):
            made = subprocess.run(["kubectl", "kustomize", directory], capture_output=True, text=True, check=True).stdout
            made = {identity(one): one for one in yaml.safe_load_all(made)}
            self.assertEqual(made, {identity(one): one for one in assembled(directory)})


class Compose(unittest.TestCase):
    schema = json.loads(
        (resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text()
    )

    def faults(self, compose):
        validator = jsonschema.validators.validator_for(self.schema)(self.schema)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(compose)]

    def test_the_compose_file_is_valid(self):
        self.assertEqual(self.faults(read(ROOT / "docker-compose.yml")[0]), [])

    def test_a_broken_copy_of_the_compose_file_is_found(self):
        [compose] = read(ROOT / "docker-compose.yml")
        for key, value in (("read_onyl", True), ("depends_on", 7), ("healthcheck", {"tset": []})):
            broken = copy.deepcopy(compose)
            broken["services"]["gateway"][key] = value
            self.assertNotEqual(self.faults(broken), [], key)

    def test_the_emulator_is_the_same_version_as_in_the_tests(self):
        version = json.loads((ROOT / "tests/services/package.json").read_text())["dependencies"]["azurite"]
        for path in (ROOT / "docker-compose.yml", TRY / "azurite.yaml"):
            self.assertIn(f"azurite:{version}\n", pathlib.Path(path).read_text())
