"""The Kubernetes manifests: strictly valid, and in agreement with the services."""

from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # has no types
import pytest

from tests.deploy.deployment_files import (
    KUBERNETES,
    LOCAL,
    copy_with_secrets,
    documents,
    resources,
    settings_model,
    variable_file,
    variables,
)

FOLDERS = [Path("base"), LOCAL]
_LAST_ANSWERS_S = 30

Resource = dict[str, Any]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_with_secrets(tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="module")
def suite(copy: Path) -> list[Resource]:
    return resources(copy / LOCAL)


def of_kind(suite: list[Resource], *kinds: str) -> list[Resource]:
    return [resource for resource in suite if resource["kind"] in kinds]


def containers(suite: list[Resource]) -> list[Resource]:
    workloads = of_kind(suite, "Deployment", "StatefulSet", "Job")
    return [
        container
        for workload in workloads
        for container in workload["spec"]["template"]["spec"]["containers"]
    ]


def own_containers(suite: list[Resource]) -> list[Resource]:
    return [one for one in containers(suite) if one["image"].startswith("csms/")]


def literals(folder: Path) -> dict[str, str]:
    generator = documents(folder / "kustomization.yaml")[0]["configMapGenerator"]
    lines = [line for one in generator for line in one.get("literals", [])]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_manifest_is_strictly_valid(copy: Path, folder: Path) -> None:
    newest = kubernetes_validate.latest_version()
    found = resources(copy / folder)
    assert found
    for resource in found:
        kubernetes_validate.validate(resource, newest, strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_kustomization_lists_every_manifest_beside_it_once(folder: Path) -> None:
    listed = documents(KUBERNETES / folder / "kustomization.yaml")[0]["resources"]
    beside = {path.name for path in (KUBERNETES / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert sorted(name for name in listed if not name.startswith("..")) == sorted(beside)


def test_every_secret_that_is_read_is_made_by_the_script(copy: Path, suite: list[Resource]) -> None:
    made = variable_file(copy / LOCAL / "secrets.env")
    read = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for container in containers(suite)
        for variable in container["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert read == set(made)
    assert all(made.values())
    assert (copy / LOCAL / "secrets.env").stat().st_mode & 0o077 == 0


def test_a_container_gets_variables_that_it_knows_and_all_that_it_needs(
    suite: list[Resource],
) -> None:
    shared = set(literals(KUBERNETES / "base"))
    known: set[str] = set()
    for container in own_containers(suite):
        model = settings_model(container["image"], container.get("args", []))
        assert model is not None
        given = {variable["name"] for variable in container["env"]}
        assert given <= variables(model)
        if "envFrom" in container:
            given |= shared
            known |= variables(model)
        assert given >= variables(model, required=True)
    assert shared <= known


def test_ports_are_those_that_the_services_are_told(suite: list[Resource]) -> None:
    told = literals(KUBERNETES / "base")
    variable = {"probes": "PROBE_PORT", "ocpp": "GATEWAY_PORT", "http": "HTTP_PORT"}
    for deployment in of_kind(suite, "Deployment"):
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        for port in container["ports"]:
            assert port["containerPort"] == int(told[f"CSMS_{variable[port['name']]}"])
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "probes"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "probes"}


def test_every_pod_meets_the_restricted_standard(suite: list[Resource]) -> None:
    for workload in of_kind(suite, "Deployment", "StatefulSet", "Job"):
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"]["cpu"]


def test_our_root_filesystems_are_read_only(suite: list[Resource]) -> None:
    for container in own_containers(suite):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_gateway_may_drain_before_it_is_killed(suite: list[Resource]) -> None:
    deployments = {one["metadata"]["name"]: one for one in of_kind(suite, "Deployment")}
    pod = deployments["ws-gateway"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    pause = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    drain = next(
        float(one["value"]) for one in container["env"] if one["name"].endswith("DRAIN_SECONDS")
    )
    assert pod["terminationGracePeriodSeconds"] == pause + drain + _LAST_ANSWERS_S


def test_every_replicated_service_has_a_disruption_budget(suite: list[Resource]) -> None:
    replicated = {one["metadata"]["name"] for one in of_kind(suite, "Deployment")}
    budgets = of_kind(suite, "PodDisruptionBudget")
    protected = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] for one in budgets
    }
    assert protected == replicated
    assert all(one["spec"]["replicas"] >= 2 for one in of_kind(suite, "Deployment"))
