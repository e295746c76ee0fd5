"""The manifests as Kubernetes is given them: read, and put together as their kustomizations say."""

import copy
import pathlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
BASE, TRY = KUBERNETES / "base", KUBERNETES / "overlays/try"
EXAMPLES = (KUBERNETES / "secrets.example.yaml", KUBERNETES / "ingress.example.yaml")
WORKLOADS = ("Deployment", "StatefulSet")


def read(path):
    """The documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def assembled(directory):
    """What `kubectl kustomize` makes of a directory. Knows what is used here; anything else is a fault."""
    [kustomization] = read(directory / "kustomization.yaml")
    unknown = set(kustomization) - {"apiVersion", "kind", "resources", "images"}
    assert not unknown, f"{directory}: this test does not know {unknown} of a kustomization"
    objects = []
    for name in kustomization["resources"]:
        path = directory / name
        objects += assembled(path) if path.is_dir() else read(path)
    for image in kustomization.get("images", []):
        for workload in of_kind(objects, *WORKLOADS):
            for container in containers(workload):
                if container["image"] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
    return copy.deepcopy(objects)


def of_kind(objects, *kinds):
    return [one for one in objects if one["kind"] in kinds]


def named(objects, kind, name):
    [one] = [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name]
    return one


def identity(one):
    return one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]


def pod(workload):
    return workload["spec"]["template"]["spec"]


def pod_labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def containers(workload):
    return pod(workload)["containers"] + pod(workload).get("initContainers", [])


def services(objects):
    """The workloads that run cadastre, by their role."""
    found = {}
    for workload in of_kind(objects, *WORKLOADS):
        [container] = containers(workload)
        if container["image"].split(":")[0].split("/")[-1] == "cadastre":
            found[container["args"][0]] = workload
    return found


def value_of(entry, objects):
    """What a variable of a container is set to; None if an optional key is not there."""
    if "value" in entry:
        return entry["value"]
    [(source, reference)] = entry["valueFrom"].items()
    kind = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}[source]
    holder = named(objects, kind, reference["name"])
    data = holder.get("data", {}) if kind == "ConfigMap" else holder["stringData"]
    if reference["key"] not in data:
        assert reference.get("optional"), f"{kind} {reference['name']} has no {reference['key']}"
        return None
    return data[reference["key"]]


def environment(workload, objects):
    """The variables of a workload's container."""
    [container] = containers(workload)
    values = {entry["name"]: value_of(entry, objects) for entry in container.get("env", [])}
    return {name: value for name, value in values.items() if value is not None}
