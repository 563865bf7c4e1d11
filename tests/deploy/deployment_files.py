"""The deployment files as data, and the settings that the services read."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

from billing_service.settings import Settings as BillingSettings
from command_api.settings import CommandApiSettings
from csms_shared.db.settings import MigrationSettings
from csms_shared.runtime.settings import PREFIX
from integration_service.settings import Settings as IntegrationSettings
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
    "integration-service": IntegrationSettings,
    "billing-service": BillingSettings,
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


def compose_file(*besides: str) -> dict[str, Any]:
    """Return docker-compose.yml and the files besides, anchors resolved, variables as written."""
    document: dict[str, Any] = {}
    for name in ("docker-compose.yml", *besides):
        document = _beside(document, yaml.safe_load((ROOT / name).read_text()))
    return document


def _beside(former: Any, later: Any) -> Any:
    """Join as compose does: mappings by their keys, lists one after the other."""
    if isinstance(former, dict) and isinstance(later, dict):
        joined = {name: _beside(former.get(name), value) for name, value in later.items()}
        return former | joined
    if isinstance(former, list) and isinstance(later, list):
        return [*former, *(one for one in later if one not in former)]
    return later


def documents(path: Path) -> list[dict[str, Any]]:
    """Return the documents of one YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def copy_with_secrets(folder: Path) -> Path:
    """Copy the Kubernetes files to `folder` and make the overlay's secrets there."""
    copy = folder / "k8s"
    shutil.copytree(KUBERNETES, copy, ignore=shutil.ignore_patterns("secrets.env"))
    run_script(copy / LOCAL / "new-secrets")
    return copy


def add_overlay(copy: Path, name: str, components: tuple[str, ...], *more: str) -> Path:
    """Make an overlay in `copy`: the local one with components and settings; return its place."""
    overlay = Path("overlays") / name
    shutil.copytree(copy / LOCAL, copy / overlay)
    [written] = documents(copy / overlay / "kustomization.yaml")
    written["components"] += [f"../../components/{component}" for component in components]
    written["configMapGenerator"][0]["literals"] += more
    (copy / overlay / "kustomization.yaml").write_text(yaml.safe_dump(written))
    return overlay


def config_map(kustomization: Path, name: str = "csms-settings") -> dict[str, str]:
    """Return what a kustomization puts into one generated ConfigMap, also from where it builds."""
    [written] = documents(kustomization / "kustomization.yaml")
    found: dict[str, str] = {}
    for other in [*written.get("resources", []), *written.get("components", [])]:
        if (kustomization / other).is_dir():
            found |= config_map(kustomization / other, name)
    for generator in written.get("configMapGenerator", []):
        if generator["name"] == name:
            found |= dict(line.split("=", 1) for line in generator["literals"])
    return found


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
        return _as_written(kustomization, [])
    rendered = subprocess.run(
        [kubectl, "kustomize", kustomization],
        check=True,
        capture_output=True,
        text=True,
        timeout=_RENDER_SECONDS,
    )
    return [document for document in yaml.safe_load_all(rendered.stdout) if document]


def _as_written(kustomization: Path, built_upon: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the manifests with their patches; nothing is generated, named or labelled."""
    [written] = documents(kustomization / "kustomization.yaml")
    found = list(built_upon)
    for name in written.get("resources", []):
        entry = kustomization / name
        found += _as_written(entry, []) if entry.is_dir() else documents(entry)
    for name in written.get("components", []):
        found = _as_written(kustomization / name, found)
    for entry in written.get("patches", []):
        for patch in documents(kustomization / entry["path"]):
            found = [_patched(one, patch) if _is_same(one, patch) else one for one in found]
    return found


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["kind"], one["metadata"]["name"]) == (other["kind"], other["metadata"]["name"])


def _patched(value: Any, patch: Any) -> Any:
    """Apply a strategic merge patch: lists of named things by their names, others as a whole."""
    if isinstance(value, dict) and isinstance(patch, dict):
        return value | {name: _patched(value.get(name), new) for name, new in patch.items()}
    if isinstance(value, list) and all(isinstance(one, dict) for one in [*value, *patch]):
        by_name = {_name_of(one): one for one in value}
        for one in patch:
            by_name[_name_of(one)] = _patched(by_name.get(_name_of(one)), one)
        return list(by_name.values())
    return patch


def _name_of(entry: dict[str, Any]) -> str:
    return str(entry.get("mountPath") or entry["name"])
