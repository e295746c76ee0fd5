"""What the topology of `make split` promises, each promise a test on the running processes."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
import uuid

from topology import OFFSETS, ROOT, SERVICES, Door, Topology, is_running, listens, wait_until


class Running(unittest.TestCase):
    """Claims about a topology that runs."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="cadastre-split-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.at = Topology(cls.directory)
        cls.addClassCleanup(lambda: cls.at.process.poll() is None and cls.at.end(signal.SIGTERM))
        cls.at.start()
        cls.admin = Door(cls.at.port).logged_in(cls.at.password())

    def setUp(self):
        self.addCleanup(self.tell_why)

    def tell_why(self):
        outcome = self._outcome
        if outcome is not None and not outcome.success:
            print(self.at.told())

    def pool(self, prefix):
        """A new space with one node: paths of the space and of the node."""
        space = self.admin.get_through("POST", "/api/v1/addressspaces", {"name": f"Lab {uuid.uuid4()}"})
        path = f"/api/v1/addressspaces/{space['id']}"
        node = self.admin.get_through("POST", f"{path}/ips", {"prefix": prefix})
        return path, f"{path}/ips/{node['id']}"

    def take(self, caller, node):
        [taken] = caller.get_through("POST", f"{node}/allocate", {"prefixLength": 32})
        return taken

    def start_what_was_killed(self):
        self.at.signal(signal.SIGUSR1)
        wait_until(
            lambda: all(name in self.at.pids() and self.at.is_ready(name) for name in SERVICES),
            lambda: "not everything runs again:\n" + self.at.told(),
        )

    def test_a_request_through_every_layer_works(self):
        path, node = self.pool("10.0.0.0/24")
        self.assertEqual(self.take(self.admin, node)["prefix"], "10.0.0.1/32")
        self.assertEqual(self.admin.get_through("GET", f"{node}/utilization")["children"], "1")
        self.assertEqual(self.admin.get_through("GET", f"{path}/ips?parentId=root")[0]["prefix"], "10.0.0.0/24")

    def test_a_replica_of_each_layer_that_is_killed_does_not_stop_the_service(self):
        path, node = self.pool("10.0.0.0/24")
        first = self.take(self.admin, node)
        for name in ("frontend-1", "dataaccess-1"):
            os.kill(self.at.pids()[name], signal.SIGKILL)
            wait_until(lambda: name not in self.at.pids(), lambda: f"nobody noticed the end of {name}")
        second = self.take(self.admin, node)
        self.assertNotEqual(first["prefix"], second["prefix"])
        for taken in (first, second):
            self.assertEqual(self.admin.get_through("GET", f"{path}/ips/{taken['id']}")["prefix"], taken["prefix"])
        self.start_what_was_killed()
        # The others go now: what was written meanwhile is known to those that came back.
        for name in ("frontend-2", "dataaccess-2"):
            os.kill(self.at.pids()[name], signal.SIGKILL)
            wait_until(lambda: name not in self.at.pids(), lambda: f"nobody noticed the end of {name}")
        self.assertEqual(self.admin.get_through("GET", f"{node}/utilization")["children"], "2")
        self.start_what_was_killed()
        self.assertEqual(self.at.panics(), [])

    def test_restarting_each_process_in_turn_loses_no_request_that_may_be_sent_again(self):
        path, node = self.pool("10.0.0.0/16")
        before, over = self.at.pids(), threading.Event()
        taken, faults, callers = [], [], []

        def take_until_over(caller):
            try:
                while not over.is_set():
                    one = self.take(caller, node)
                    read = caller.get_through("GET", f"{path}/ips/{one['id']}")
                    assert read["prefix"] == one["prefix"], f"{read} is not what was answered: {one}"
                    taken.append(one["prefix"])
            except Exception as fault:
                faults.append(fault)

        workers = []
        for _ in range(4):
            callers.append(Door(self.at.port, self.admin.token))
            workers.append(threading.Thread(target=take_until_over, args=(callers[-1],)))
            workers[-1].start()
        try:
            wait_until(lambda: taken or faults, lambda: "nothing was taken before the restart")
            self.at.signal(signal.SIGHUP)
            wait_until(
                lambda: faults or "split: restarted" in self.at.said(),
                lambda: "the restart did not come to its end:\n" + self.at.told(),
            )
        finally:
            over.set()
            for worker in workers:
                worker.join()
        self.assertEqual(faults, [])
        for name in SERVICES:
            self.assertNotEqual(self.at.pids()[name], before[name], f"{name} was not restarted")
        self.assertEqual(len(taken), len(set(taken)), "an address was given twice")
        self.assertEqual(self.admin.get_through("GET", f"{node}/utilization")["children"], str(len(taken)))
        self.assertEqual(self.at.panics(), [])
        print(f"{len(taken)} addresses taken; sent again: {sum(caller.sent_again for caller in callers)}", end=" ")

    def test_a_second_topology_in_the_same_directory_is_refused(self):
        second = subprocess.run(
            [ROOT / "deploy/split.sh"],
            env={**os.environ, "DATA": f"{self.directory}/data", "PORT": str(self.at.port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"runs in {self.directory}/data already (pid {self.at.process.pid})", second.stderr)
        self.assertTrue(self.at.is_ready("gateway"))


class Ending(unittest.TestCase):
    """Claims about its end, and the start after it."""

    def test_it_ends_at_once_leaves_no_process_and_the_next_start_has_the_same_records(self):
        directory = tempfile.mkdtemp(prefix="cadastre-split-")
        self.addCleanup(shutil.rmtree, directory)
        at = Topology(directory)
        self.addCleanup(lambda: at.process.poll() is None and at.end(signal.SIGTERM))
        names = []
        # The first as a service manager ends it, the second as Ctrl-C does.
        for how in (signal.SIGTERM, signal.SIGINT):
            at.start()
            admin = Door(at.port).logged_in(at.password())
            self.assertEqual(sorted(space["name"] for space in admin.get_through("GET", "/api/v1/addressspaces")), names)
            names.append(f"Lab {len(names)}")
            admin.get_through("POST", "/api/v1/addressspaces", {"name": names[-1]})
            pids = at.pids()
            self.assertEqual(at.end(how), 0, at.told())
            self.assertEqual([name for name, pid in pids.items() if is_running(pid)], [])
            self.assertEqual([name for name, offset in OFFSETS.items() if listens(at.port + offset)], [])
            self.assertEqual(at.pids(), {})
            self.assertEqual(at.panics(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
