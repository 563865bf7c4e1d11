"""The Kubernetes manifests: strictly valid, and in agreement with the services."""

from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # has no types
import pytest

from tests.deploy.deployment_files import (
    KUBERNETES,
    LOCAL,
    add_overlay,
    config_map,
    copy_with_secrets,
    documents,
    resources,
    settings_model,
    variable_file,
    variables,
)

COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())
# What an operator adds to the overlay `local`: components and settings.
ADDED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "local": ((), ()),
    "with-authority": (("tls", "certificate-authority"), ("CSMS_OPERATOR_NAME=Operator",)),
    "with-signer": (("tls", "external-signer"), ("CSMS_SIGNER_URL=https://signer.example/sign",)),
}
PORT_SETTINGS = {
    "probes": "CSMS_PROBE_PORT",
    "ocpp": "CSMS_GATEWAY_PORT",
    "ocpp-tls": "CSMS_TLS_PORT",
    "http": "CSMS_HTTP_PORT",
}
# Of the variables that come from Secrets, or from the pod itself.
EXAMPLES = {
    "CSMS_BROKER_URL": "amqp://csms:x@rabbitmq:5672/",
    "CSMS_DATABASE_URL": "postgresql://csms:x@postgres:5432/csms",
    "CSMS_CREDENTIAL_PEPPER": "p" * 48,
    "CSMS_ADMIN_PASSWORD": "a" * 48,
    "CSMS_TOKEN_SECRET": "t" * 48,
    "CSMS_CA_PASSPHRASE": "c" * 48,
    "CSMS_SIGNER_TOKEN": "s" * 48,
    "CSMS_GATEWAY_NAME": "ws-gateway-5d9-x7k",
    "CSMS_DRAIN_SECONDS": "60",
}
_LAST_ANSWERS_S = 30

Resource = dict[str, Any]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = copy_with_secrets(tmp_path_factory.mktemp("deploy"))
    for name, (components, settings) in ADDED.items():
        if components:
            add_overlay(made, name, components, *settings)
    return made


@pytest.fixture(scope="module", params=ADDED)
def overlay(copy: Path, request: pytest.FixtureRequest) -> Path:
    return copy / "overlays" / str(request.param)


@pytest.fixture(scope="module")
def suite(overlay: Path) -> list[Resource]:
    return resources(overlay)


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


def secrets_read(suite: list[Resource]) -> set[tuple[str, str]]:
    """Return the Secrets, and the keys of them, that variables are set from."""
    return {
        (reference["name"], reference["key"])
        for container in containers(suite)
        for variable in container["env"]
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
    }


def strictly_valid(found: list[Resource]) -> bool:
    newest = kubernetes_validate.latest_version()
    for resource in found:
        kubernetes_validate.validate(resource, newest, strict=True)
    return bool(found)


def test_every_manifest_is_strictly_valid(copy: Path, suite: list[Resource]) -> None:
    assert strictly_valid(suite)
    assert strictly_valid(resources(copy / "base"))


def test_every_component_is_tried() -> None:
    [local] = documents(KUBERNETES / LOCAL / "kustomization.yaml")
    tried = {Path(path).name for path in local["components"]}
    assert tried.union(*(components for components, _ in ADDED.values())) == set(COMPONENTS)


@pytest.mark.parametrize("folder", ["base", LOCAL, *(f"components/{one}" for one in COMPONENTS)])
def test_a_kustomization_lists_every_manifest_beside_it_once(folder: str) -> None:
    [written] = documents(KUBERNETES / folder / "kustomization.yaml")
    listed = [*written.get("resources", []), *(one["path"] for one in written.get("patches", []))]
    beside = {path.name for path in (KUBERNETES / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert sorted(name for name in listed if not name.startswith("..")) == sorted(beside)


def test_a_component_brings_no_secret_of_its_own(copy: Path) -> None:
    for component in COMPONENTS:
        folder = copy / "components" / component
        assert "secretGenerator" not in documents(folder / "kustomization.yaml")[0]
        written = [one for path in folder.glob("*.yaml") for one in documents(path)]
        assert "Secret" not in {one["kind"] for one in written}


def test_every_secret_that_is_read_is_made_by_the_script(copy: Path, suite: list[Resource]) -> None:
    made = variable_file(copy / LOCAL / "secrets.env")
    # A generated Secret has the hash of its content in its name.
    read = {key for name, key in secrets_read(suite) if name.startswith("csms-secrets")}
    assert read == set(made)
    assert all(made.values())
    assert (copy / LOCAL / "secrets.env").stat().st_mode & 0o077 == 0


def test_a_container_gets_variables_that_it_knows_and_all_that_it_needs(
    overlay: Path, suite: list[Resource]
) -> None:
    shared = set(config_map(overlay))
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


def test_what_a_service_is_told_is_what_it_takes(overlay: Path, suite: list[Resource]) -> None:
    told = config_map(overlay)
    for container in own_containers(suite):
        model = settings_model(container["image"], container.get("args", []))
        assert model is not None
        if "envFrom" not in container:
            continue
        values = {name: value for name, value in told.items() if name in variables(model)}
        values |= {
            variable["name"]: EXAMPLES[variable["name"]]
            for variable in container["env"]
            if variable["name"] not in values
        }
        model.model_validate(
            {name.removeprefix("CSMS_").lower(): value for name, value in values.items()}
        )


def test_folders_and_files_that_are_named_are_mounted(overlay: Path, suite: list[Resource]) -> None:
    told = config_map(overlay)
    for container in own_containers(suite):
        model = settings_model(container["image"], container.get("args", []))
        assert model is not None
        mounts = {one["mountPath"] for one in container.get("volumeMounts", [])} - {"/tmp"}
        named = {
            value.removeprefix("file://")
            for name, value in told.items()
            if name in variables(model) and value.startswith(("/", "file:///"))
        }
        assert {next((one for one in mounts if path.startswith(one)), path) for path in named} == (
            mounts
        )


def test_who_may_come_in_finds_a_port_and_is_let_in(suite: list[Resource]) -> None:
    let_in = {
        (rule["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"], port["port"])
        for rule in of_kind(suite, "NetworkPolicy")
        for ingress in rule["spec"].get("ingress", [])
        for port in ingress["ports"]
        if rule["spec"]["podSelector"]
    }
    open_ports = {
        (workload["metadata"]["name"], port["name"])
        for workload in of_kind(suite, "Deployment", "StatefulSet")
        for port in workload["spec"]["template"]["spec"]["containers"][0]["ports"]
    }
    asked = {
        (service["spec"]["selector"]["app.kubernetes.io/name"], port["targetPort"])
        for service in of_kind(suite, "Service")
        for port in service["spec"]["ports"]
    }
    assert asked == let_in
    assert asked <= open_ports


def test_ports_are_those_that_the_services_are_told(overlay: Path, suite: list[Resource]) -> None:
    told = config_map(overlay)
    for deployment in of_kind(suite, "Deployment"):
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        for port in container["ports"]:
            assert port["containerPort"] == int(told[PORT_SETTINGS[port["name"]]])
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
