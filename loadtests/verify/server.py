"""The few calls of the public API that verification needs, with nothing but the standard library."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request


class ServerError(Exception):
    """The server cannot be asked, or answered with an error. Says what to do."""


class Server:
    """`url` as in http://127.0.0.1:8080. Give a `token`, or call `login`."""

    def __init__(self, url, token=None):
        self.url, self.token = url.rstrip("/"), token

    def login(self, user, password):
        self.token = self.call("POST", "/api/v1/auth/login", {"username": user, "password": password})[0]["accessToken"]

    def call(self, method, path, body=None):
        """Returns `(body, Link header)`. Raises ServerError."""
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = answer.read()
                return (json.loads(content) if content else None), answer.headers.get("Link", "")
        except urllib.error.HTTPError as error:
            raise ServerError(f"{method} {path} was answered {error.code}: {error.read().decode(errors='replace')[:500]}") from error
        except (OSError, ValueError) as error:
            raise ServerError(f"{method} {self.url}{path}: {error}") from error

    def pages(self, path, **parameters):
        """All items of a list, page by page."""
        path = f"{path}?{urllib.parse.urlencode({'limit': 1000, **parameters})}"
        while path:
            items, link = self.call("GET", path)
            yield from items
            following = re.search(r'<([^>]*)>;\s*rel="next"', link)
            path = following and following.group(1)

    def nodes(self, space):
        """Every node of a space: the top, and what is beneath each node of it."""
        ips = f"/api/v1/addressspaces/{space}/ips"
        for top in list(self.pages(ips, parentId="root")):
            yield top
            yield from (node for node in self.pages(f"{ips}/{top['id']}/subtree") if node["id"] != top["id"])

    def utilization(self, space, node):
        return self.call("GET", f"/api/v1/addressspaces/{space}/ips/{node}/utilization")[0]

    def available(self, space, node):
        return list(self.pages(f"/api/v1/addressspaces/{space}/ips/{node}/available"))

    def remove(self, space):
        self.call("DELETE", f"/api/v1/addressspaces/{space}")
