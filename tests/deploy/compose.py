"""The compose file as Compose reads it: merged, with the variables of the environment put in."""

import re

from manifests import ROOT, read

VARIABLE = re.compile(r"\$\{([A-Z_]+)(?:(:?[-?])([^}]*))?\}")


def interpolated(value, variables):
    """A value with `${NAME}`, `${NAME:-default}`, `${NAME-default}` and `${NAME:?complaint}` replaced."""
    if isinstance(value, dict):
        return {key: interpolated(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def replace(match):
        name, operator, rest = match.groups()
        given = variables.get(name)
        if given is None or (not given and (operator or "").startswith(":")):
            assert "?" not in (operator or ""), f"{name}: {rest}"
            return rest or ""
        return given

    return VARIABLE.sub(replace, value)


def compose(variables):
    return interpolated(read(ROOT / "docker-compose.yml")[0], variables)


def services(variables):
    """The services that run cadastre, by name."""
    found = compose(variables)["services"]
    return {name: service for name, service in found.items() if service["image"].startswith("cadastre:")}
