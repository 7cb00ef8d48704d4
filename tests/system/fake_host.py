"""A worker host that runs nothing: it takes its list and says that all is up."""
import itertools
import uuid


class FakeHost:
    def __init__(self, controller, name="fake", address="127.0.0.1", port=5000):
        self.controller, self.name, self.address, self.port = controller, name, address, port
        self.boot, self.seq = str(uuid.uuid4()), itertools.count(1)
        status, _ = controller.api("PUT", f"/upstream/v1/hosts/{name}", {
            "boot": self.boot, "version": "0", "draining": False, "capacity": {"memory": 1 << 34, "cpus": 8}})
        assert status == 200

    def wanted(self):
        status, r = self.controller.api("GET", f"/upstream/v1/hosts/{self.name}/assignments?after=0&wait=0")
        assert status == 200, r
        return r["assignments"]

    def report(self, state="up"):
        """All that is wanted is in this state; returns the list."""
        wanted = self.wanted()
        dynos = [{"id": a["id"], "name": a["name"], "state": state, "since": "2026-11-21T00:13:42Z", "pid": 1,
                  "address": self.address, "port": self.port if a["type"] == "web" else None, "exit_status": None,
                  "error": None} for a in wanted]
        status, r = self.controller.api("POST", f"/upstream/v1/hosts/{self.name}/report", {
            "boot": self.boot, "seq": next(self.seq), "full": True, "draining": False, "dynos": dynos})
        assert status == 200, r
        return wanted
