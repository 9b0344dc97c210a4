"""Test the manifests, built by kubectl's own kustomize and judged by the schemas of Kubernetes and KEDA."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.projects import Project, environment, make, succeed

KUBECTL = Path(sys.executable).with_name("kubectl")
# The oldest that knows all that the manifests use, the pause before a web pod stops among it; and the newest.
VERSIONS = ["1.30", kubernetes_validate.latest_version()]
# What each scaler of KEDA must be told, and may be: https://keda.sh/docs/2.16/scalers/
SCALERS = {
    "redis": ({"listName", "listLength"}, {"databaseIndex"}, {"address"}, {"username", "password"}),
    "rabbitmq": ({"queueName", "mode", "value"}, {"protocol"}, {"host"}, set()),
    "postgresql": (
        {"query", "targetQueryValue"}, set(), {"host", "port", "userName", "dbName", "sslmode", "password"}, set(),
    ),
}  # fmt: skip

Object = dict[str, Any]


# KEDA's schemas come with a package that puts a plugin into pytest: it stays out of this environment.
KEDA = "cloudcoil-models-keda==2.16.1.0"
SCHEMAS = """
import json
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication
print(json.dumps({kind.__name__: kind.model_json_schema() for kind in (ScaledObject, TriggerAuthentication)}))
"""


@pytest.fixture(scope="session")
def keda() -> Object:
    """Return the schemas of KEDA's kinds; strict, as those of Kubernetes: no field is allowed that they do not know."""
    command = [sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--isolated", "--with", KEDA]
    schemas = json.loads(succeed([*command, "python", "-c", SCHEMAS], env=environment(), timeout=120))
    for schema in schemas.values():
        for part in [schema, *schema["$defs"].values()]:
            if part.get("properties"):
                part["additionalProperties"] = False
    return schemas


def wrong(found: Object, version: str) -> str:
    """Return what the schema of its kind has against an object, or nothing."""
    try:
        kubernetes_validate.validate(found, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


def wrong_for_keda(found: Object, schemas: Object) -> str:
    try:
        jsonschema.validate(found, schemas[found["kind"]])
    except jsonschema.ValidationError as error:
        return str(error.message)
    return ""


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project whose team has added a queue, so that its manifests are judged, too."""
    project = make(tmp_path_factory.mktemp(request.param), "my_shop", ["--kubernetes", "--broker", request.param])
    words = ["add", "queue", "web-hooks", "--concurrency", "4", "--yes"]
    succeed([sys.executable, "-m", "djcelery", *words], cwd=project.path, env=environment())
    return project


@cache
def kustomized(folder: Path) -> str:
    return succeed([KUBECTL, "kustomize", folder])


def build(project: Project, name: str) -> list[Object]:
    return list(yaml.safe_load_all(kustomized(project.path / "deploy/kubernetes" / name)))


@pytest.fixture(scope="module", params=["staging", "production"])
def built(request: pytest.FixtureRequest, project: Project) -> list[Object]:
    return build(project, request.param)


def of_kind(built: list[Object], *kinds: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in built if each["kind"] in kinds}


def pods(built: list[Object]) -> Iterator[Object]:
    for each in of_kind(built, "Deployment", "Job").values():
        yield each["spec"]["template"]["spec"]


def containers(built: list[Object]) -> list[Object]:
    return [each for pod in pods(built) for each in [*pod["containers"], *pod.get("initContainers", [])]]


def of_keda(built: list[Object]) -> list[Object]:
    return [each for each in built if each["apiVersion"].startswith("keda.sh/")]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(built, version):
    judged = {each["metadata"]["name"]: wrong(each, version) for each in built if each not in of_keda(built)}

    assert len(judged) > 5
    assert set(judged.values()) == {""}, judged


@pytest.mark.matrix
def test_every_object_of_keda_is_valid(project, keda):
    judged = [wrong_for_keda(each, keda) for each in of_keda(build(project, "production"))]

    assert len(judged) > 5
    assert set(judged) == {""}


MISTAKES = [
    ("Deployment", ("spec", "replica"), 2),
    ("Deployment", ("spec", "template", "spec", "containers"), {}),
    ("NetworkPolicy", ("spec", "podSelector"), "all"),
]
KEDAS_MISTAKES = [
    ("ScaledObject", ("spec", "minReplica"), 1),
    ("ScaledObject", ("spec", "cooldownPeriod"), "soon"),
    ("TriggerAuthentication", ("spec", "secretTargetRef"), [{"name": "scaling"}]),
]


def broken(project: Project, kind: str, path: tuple[str, ...], value: object) -> Object:
    """Return the first object of its kind with this value in this place."""
    found = next(each for each in build(project, "production") if each["kind"] == kind)
    *way, last = path
    place = found
    for step in way:
        place = place[step]
    place[last] = value
    return found


@pytest.mark.parametrize(("kind", "path", "value"), MISTAKES)
def test_the_schemas_see_a_mistake(project, kind, path, value):
    assert wrong(broken(project, kind, path, value), VERSIONS[-1])


@pytest.mark.matrix
@pytest.mark.parametrize(("kind", "path", "value"), KEDAS_MISTAKES)
def test_the_schemas_of_keda_see_a_mistake(project, keda, kind, path, value):
    assert wrong_for_keda(broken(project, kind, path, value), keda)


def test_all_is_in_the_namespace_that_enforces_the_restricted_profile(built):
    [(namespace, found)] = of_kind(built, "Namespace").items()

    assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"].get("namespace") for each in built if each is not found} == {namespace}
    assert re.fullmatch(r"my-shop-(staging|production)", namespace)


def test_no_pod_has_more_rights_than_the_restricted_profile(built):
    for pod in pods(built):
        context = pod["securityContext"]
        assert context["runAsNonRoot"]
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all("emptyDir" in volume for volume in pod["volumes"])
    for container in containers(built):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any("hostPort" in port for port in container.get("ports", []))


def test_each_container_says_what_it_needs(built):
    for container in containers(built):
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        assert re.fullmatch(r"registry\.example\.com/my_shop:\d+\.\d+\.\d+", container["image"])
        assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  as it is in the pod


def test_every_process_that_stays_is_probed_and_waits_for_the_migrations(built):
    for name, deployment in of_kind(built, "Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert {"startupProbe", "livenessProbe"} <= set(container), name
        assert ("readinessProbe" in container) is (name == "web")
        assert [each["command"][-1] for each in pod["initContainers"]] == ["--check"]


def test_what_is_named_is_there(project, built):
    # ConfigMaps, Secrets, Deployments and labels: a typo in a name fails only in the cluster.
    [settings] = of_kind(built, "ConfigMap")
    examples = list(yaml.safe_load_all((project.path / "deploy/kubernetes/secrets.example.yaml").read_text()))
    secrets = {each["metadata"]["name"]: set(each["stringData"]) for each in examples}
    deployments = of_kind(built, "Deployment")
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in of_kind(built, "Deployment", "Job").values()]

    for container in containers(built):
        assert container["envFrom"] == [{"configMapRef": {"name": settings}}, {"secretRef": {"name": "secrets"}}]
    assert "secrets" in secrets
    for selected in of_kind(built, "Service", "PodDisruptionBudget", "NetworkPolicy").values():
        spec = selected["spec"]
        wanted = spec.get("podSelector", spec.get("selector", {}))
        wanted = wanted.get("matchLabels", {} if "podSelector" in spec else wanted)
        assert any(wanted.items() <= each.items() for each in labels), selected["metadata"]["name"]
    for scaled in of_kind(built, "ScaledObject").values():
        assert scaled["spec"]["scaleTargetRef"]["name"] in deployments
    for access in of_kind(built, "TriggerAuthentication").values():
        for reference in access["spec"]["secretTargetRef"]:
            assert reference["key"] in secrets[reference["name"]]


def test_no_secret_has_a_value_in_the_repository(project, built):
    assert of_kind(built, "Secret") == {}
    text = (project.path / "deploy/kubernetes/secrets.example.yaml").read_text()
    values = {key: value for each in yaml.safe_load_all(text) for key, value in each["stringData"].items() if value}
    assert set(values) == {"DATABASE_PORT", "DATABASE_SSLMODE", "DATABASE_USER"}


def test_production_starts_with_what_the_pods_are_given(project):
    # Every variable that production insists on comes from the settings or from a secret.
    production = (project.path / "my_shop/settings/production.py").read_text()
    required = set(re.findall(r'^    "([A-Z_]+)",$', production, re.MULTILINE))
    [settings] = of_kind(build(project, "production"), "ConfigMap").values()
    [secrets, _] = yaml.safe_load_all((project.path / "deploy/kubernetes/secrets.example.yaml").read_text())

    assert len(required) >= 4
    assert required <= {*settings["data"], *secrets["stringData"]}


def test_each_trigger_is_told_what_its_scaler_needs(project):
    built = build(project, "production")
    accesses = {
        name: {each["parameter"] for each in access["spec"]["secretTargetRef"]}
        for name, access in of_kind(built, "TriggerAuthentication").items()
    }
    triggers = [trigger for each in of_kind(built, "ScaledObject").values() for trigger in each["spec"]["triggers"]]

    assert len(triggers) == 14
    for trigger in triggers:
        needed, possible, access_needed, access_possible = SCALERS[trigger["type"]]
        told, secret = set(trigger["metadata"]), accesses[trigger["authenticationRef"]["name"]]
        assert needed <= told <= needed | possible
        assert access_needed <= secret <= access_needed | access_possible
        assert all(isinstance(value, str) for value in trigger["metadata"].values())


def test_what_keda_scales_has_no_number_of_its_own(project):
    # A number in the manifest would undo, at each deploy, what KEDA has decided since the last.
    built = build(project, "production")
    deployments = of_kind(built, "Deployment")
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind(built, "ScaledObject").values()}

    assert {name for name, each in deployments.items() if "replicas" in each["spec"]} == {"web", "beat"}
    assert scaled == {name for name in deployments if name.startswith("worker-")}


def test_one_beat_runs_and_stops_before_the_next_one_starts(built):
    beat = of_kind(built, "Deployment")["beat"]["spec"]

    assert (beat["replicas"], beat["strategy"]["type"]) == (1, "Recreate")


def test_draining_a_node_never_stops_all_pods_of_a_kind_at_once(built):
    budgets = of_kind(built, "PodDisruptionBudget")

    assert set(budgets) == set(of_kind(built, "Deployment")) - {"beat"}
    assert all(budget["spec"]["selector"]["matchLabels"] == {"app": name} for name, budget in budgets.items())


def test_pods_run_as_the_user_of_the_image(project, built):
    [user] = re.findall(r"--uid (\d+)", (project.path / "Dockerfile").read_text())

    assert {pod["securityContext"]["runAsUser"] for pod in pods(built)} == {int(user)}


def test_the_folder_for_temporary_files_is_bounded(built):
    assert {pod["volumes"][0]["emptyDir"].get("sizeLimit") for pod in pods(built)} == {"128Mi"}


def test_staging_needs_no_keda(project):
    assert all("keda.sh" not in each["apiVersion"] for each in build(project, "staging"))


def test_the_broker_may_be_reached(project):
    [policy] = [each for each in build(project, "production") if each["metadata"]["name"] == "all-pods"]
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    broker = {6379} if (project.path / "deploy/kubernetes/scaling/redis.yaml").exists() else {5671, 5672}

    assert ports == {53, 443, 5432} | broker


def test_our_own_rules_find_nothing(project):
    assert "Nothing found" in project.run("-m", "djcelery", "check", ".")
