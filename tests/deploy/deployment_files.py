"""The deployment files as data, and the settings that the services read."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

from command_api.settings import CommandApiSettings
from csms_shared.settings import PREFIX, MigrationSettings
from session_service.settings import Settings as SessionSettings
from station_registry.settings import RegistrySettings
from ws_gateway.settings import GatewaySettings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "k8s"
LOCAL = Path("overlays/local")
SETTINGS: dict[str, type[BaseSettings]] = {
    "ws-gateway": GatewaySettings,
    "station-registry": RegistrySettings,
    "session-service": SessionSettings,
    "command-api": CommandApiSettings,
}
_RENDER_SECONDS = 60


def variables(model: type[BaseSettings], *, required: bool = False) -> set[str]:
    """Return the names of a service's variables."""
    return {
        f"{PREFIX}{name.upper()}"
        for name, field in model.model_fields.items()
        if field.is_required() or not required
    }


def service_of(image: str) -> str | None:
    """Return which of our services an image is, or None for somebody else's."""
    found = re.fullmatch(r"csms/([a-z-]+)(:.+)?", image)
    return found[1] if found else None


def settings_model(image: str, arguments: list[str]) -> type[BaseSettings] | None:
    """Return what the process in a container reads, or None where it is not ours."""
    service = service_of(image)
    if service is None:
        return None
    return MigrationSettings if arguments == ["migrate"] else SETTINGS[service]


def compose_file() -> dict[str, Any]:
    """Return docker-compose.yml with its anchors resolved, its variables as written."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def documents(path: Path) -> list[dict[str, Any]]:
    """Return the documents of one YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def copy_with_secrets(folder: Path) -> Path:
    """Copy the Kubernetes files to `folder` and make the overlay's secrets there."""
    copy = folder / "k8s"
    shutil.copytree(KUBERNETES, copy, ignore=shutil.ignore_patterns("secrets.env"))
    run_script(copy / LOCAL / "new-secrets")
    return copy


def run_script(path: Path) -> None:
    """Run one of the scripts that make secrets."""
    subprocess.run([path], check=True, capture_output=True, timeout=_RENDER_SECONDS)


def variable_file(path: Path) -> dict[str, str]:
    """Return the names and values of a file of NAME=value lines."""
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def resources(kustomization: Path) -> list[dict[str, Any]]:
    """Return what a kustomization holds: rendered where kubectl is installed, else as written."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return list(_as_written(kustomization))
    rendered = subprocess.run(
        [kubectl, "kustomize", kustomization],
        check=True,
        capture_output=True,
        text=True,
        timeout=_RENDER_SECONDS,
    )
    return [document for document in yaml.safe_load_all(rendered.stdout) if document]


def _as_written(kustomization: Path) -> Iterator[dict[str, Any]]:
    for name in documents(kustomization / "kustomization.yaml")[0]["resources"]:
        entry = kustomization / name
        if entry.is_dir():
            yield from _as_written(entry)
        else:
            yield from documents(entry)
