"""What the manifests refer to is there, and what has to agree agrees."""

import unittest

from manifests import (
    BASE,
    EXAMPLES,
    TRY,
    WORKLOADS,
    assembled,
    containers,
    environment,
    named,
    of_kind,
    pod,
    pod_labels,
    read,
    services,
)

# From the signal to the end of a process, in seconds (cadastre/src/shutdown.rs).
DRAIN = 10


def everything():
    """The base as it is completed by hand, and the overlay: name and objects."""
    secrets, ingress = (read(path) for path in EXAMPLES)
    return (
        ("base", [*assembled(BASE), *secrets, *ingress]),
        ("try", [*assembled(TRY), *(one for one in secrets if one["metadata"]["name"] != "cadastre-store")]),
    )


def matches(selector, labels):
    assert set(selector) <= {"matchLabels"}, f"this test does not know {selector}"
    return selector.get("matchLabels", {}).items() <= labels.items()


class References(unittest.TestCase):
    def each(self):
        return [objects for _, objects in everything()]

    def test_every_object_is_there_once_and_in_the_namespace(self):
        for objects in self.each():
            names = [(one["kind"], one["metadata"]["name"]) for one in objects]
            self.assertEqual(len(names), len(set(names)))
            [namespace] = of_kind(objects, "Namespace")
            for one in objects:
                if one is not namespace:
                    self.assertEqual(one["metadata"]["namespace"], namespace["metadata"]["name"], one["metadata"])

    def test_selectors_of_workloads_match_their_own_pods_and_no_others(self):
        for objects in self.each():
            workloads = of_kind(objects, *WORKLOADS)
            for one in workloads:
                selected = [other for other in workloads if matches(one["spec"]["selector"], pod_labels(other))]
                self.assertEqual(selected, [one])
                spread = [term["labelSelector"] for term in pod(one).get("topologySpreadConstraints", [])]
                affinity = pod(one).get("affinity", {}).get("podAntiAffinity", {})
                for term in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", []):
                    spread.append(term["podAffinityTerm"]["labelSelector"])
                for selector in spread:
                    self.assertTrue(matches(selector, pod_labels(one)), one["metadata"])

    def test_services_budgets_and_autoscalers_are_for_a_workload_that_is_there(self):
        for objects in self.each():
            workloads = of_kind(objects, *WORKLOADS)
            for service in of_kind(objects, "Service"):
                [workload] = [
                    one for one in workloads if service["spec"]["selector"].items() <= pod_labels(one).items()
                ]
                self.assertEqual(service["metadata"]["name"], workload["metadata"]["name"])
                ports = {port["name"]: port for port in containers(workload)[0]["ports"]}
                for port in service["spec"]["ports"]:
                    self.assertIn(port["targetPort"], ports)
                    if service["spec"].get("clusterIP") == "None":
                        # Callers reach the pod itself: nothing translates its port.
                        self.assertEqual(port["port"], ports[port["targetPort"]]["containerPort"])
            for workload in of_kind(objects, "StatefulSet"):
                self.assertEqual(named(objects, "Service", workload["spec"]["serviceName"])["spec"]["clusterIP"], "None")
            for budget in of_kind(objects, "PodDisruptionBudget"):
                [_] = [one for one in workloads if matches(budget["spec"]["selector"], pod_labels(one))]
            for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
                target = scaler["spec"]["scaleTargetRef"]
                workload = named(objects, target["kind"], target["name"])
                self.assertEqual(workload["apiVersion"], target["apiVersion"])
                self.assertNotIn("replicas", workload["spec"], "every apply would undo the autoscaler's work")
            for ingress in of_kind(objects, "Ingress"):
                for rule in ingress["spec"]["rules"]:
                    for path in rule["http"]["paths"]:
                        backend = path["backend"]["service"]
                        ports = named(objects, "Service", backend["name"])["spec"]["ports"]
                        self.assertIn(backend["port"]["name"], [port["name"] for port in ports])

    def test_every_key_of_a_secret_or_config_map_that_is_used_exists_and_every_one_that_exists_is_used(self):
        for objects in self.each():
            used = set()
            for workload in of_kind(objects, *WORKLOADS):
                environment(workload, objects)
                for entry in containers(workload)[0].get("env", []):
                    for reference in entry.get("valueFrom", {}).values():
                        used.add((reference["name"], reference["key"]))
                for volume in pod(workload).get("volumes", []):
                    for item in volume.get("secret", {}).get("items", []):
                        used.add((volume["secret"]["secretName"], item["key"]))
            held = {
                (one["metadata"]["name"], key)
                for one in of_kind(objects, "Secret", "ConfigMap")
                for key in one.get("stringData", one.get("data", {}))
            }
            self.assertEqual(used, held)

    def test_only_the_service_that_needs_a_secret_is_given_it(self):
        holders = {}
        for role, workload in services(dict(everything())["base"]).items():
            for entry in containers(workload)[0]["env"]:
                if "secretKeyRef" in entry.get("valueFrom", {}):
                    holders.setdefault(entry["valueFrom"]["secretKeyRef"]["name"], set()).add(role)
            for volume in pod(workload).get("volumes", []):
                if "secret" in volume:
                    holders.setdefault(volume["secret"]["secretName"], set()).add(role)
        self.assertEqual(
            holders,
            {
                "cadastre-service-token": {"gateway", "frontend", "dataaccess"},
                "cadastre-store": {"dataaccess"},
                "cadastre-signing-keys": {"frontend"},
                "cadastre-admin": {"frontend"},
            },
        )

    def test_the_lists_name_as_many_replicas_as_there_can_be(self):
        for objects in self.each():
            lists = named(objects, "ConfigMap", "cadastre")["data"]
            counts = {
                "dataaccess": named(objects, "StatefulSet", "dataaccess")["spec"]["replicas"],
                "frontend": named(objects, "HorizontalPodAutoscaler", "frontend")["spec"]["maxReplicas"],
            }
            for name, count in counts.items():
                port = named(objects, "Service", name)["spec"]["ports"][0]["port"]
                expected = [f"http://{name}-{number}.{name}:{port}" for number in range(count)]
                self.assertEqual(lists[name].strip().split(","), expected)


class Pods(unittest.TestCase):
    def workloads(self):
        return of_kind(assembled(TRY), *WORKLOADS)

    def test_no_pod_has_more_rights_than_it_needs(self):
        for workload in self.workloads():
            spec = pod(workload)
            self.assertFalse(spec["automountServiceAccountToken"])
            self.assertTrue(spec["securityContext"]["runAsNonRoot"])
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for container in containers(workload):
                self.assertEqual(
                    container["securityContext"],
                    {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                )
                self.assertIn("memory", container["resources"]["limits"])

    def test_every_service_is_probed_where_it_answers(self):
        for workload in services(assembled(BASE)).values():
            [container] = containers(workload)
            [port] = container["ports"]
            for probe, path in (("startupProbe", "/health"), ("readinessProbe", "/ready"), ("livenessProbe", "/health")):
                self.assertEqual(container[probe]["httpGet"], {"path": path, "port": port["name"]})
            image = (BASE.parents[1] / "Dockerfile").read_text()
            self.assertIn(f"CADASTRE_LISTEN=:{port['containerPort']}", image)
            self.assertIn(f"EXPOSE {port['containerPort']}\n", image)

    def test_a_pod_has_the_time_to_finish_what_runs(self):
        for workload in services(assembled(BASE)).values():
            before = containers(workload)[0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            self.assertGreaterEqual(pod(workload)["terminationGracePeriodSeconds"], before + DRAIN)
