"""The Kubernetes manifests, held without a cluster."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from daybook.events.topics import TOPICS
from daybook.runtime.kafka_topics import wanted_settings
from daybook.runtime.metrics import DispatcherMetrics
from daybook.storage.exports import EXPORT_INDEXES, EXPORTS_TO_RUN
from prometheus_client import CollectorRegistry
from pydantic import TypeAdapter
from pydantic_settings import BaseSettings

Document = dict[str, Any]
Tool = Callable[..., subprocess.CompletedProcess[str]]
SettingsOf = Mapping[str, type[BaseSettings]]
ROOT = Path(__file__).parents[2]
OVERLAYS = ("local", "production")
WORKERS = ("ingest", "task-tracker", "webhook-dispatcher", "exporter")
# What checkov asks for and is not done, with why.
SKIPPED = {
    "CKV_K8S_11": "a CPU limit throttles a worker that catches up",
    "CKV_K8S_15": "a version's image is never changed: Always asks for nothing new",
    "CKV_K8S_35": "settings come from the environment, secret ones too",
    "CKV_K8S_43": "digests are for who builds the images: images: in an overlay",
}


@pytest.fixture(scope="module")
def built(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each overlay as kustomize makes it."""
    files: dict[str, Path] = {}
    for overlay in OVERLAYS:
        made = tool("kustomize", "build", f"deploy/k8s/overlays/{overlay}")
        assert made.returncode == 0, made.stderr
        files[overlay] = tmp_path_factory.mktemp("k8s") / f"{overlay}.yaml"
        files[overlay].write_text(made.stdout)
    return files


@pytest.fixture(scope="module", params=OVERLAYS)
def resources(request: pytest.FixtureRequest, built: dict[str, Path]) -> list[Document]:
    return documents(built[request.param])


@pytest.fixture(scope="module")
def production(built: dict[str, Path]) -> list[Document]:
    return documents(built["production"])


def documents(file: Path) -> list[Document]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


def of_kind(resources: list[Document], *kinds: str) -> dict[str, Document]:
    return {one["metadata"]["name"]: one for one in resources if one["kind"] in kinds}


def pods(resources: list[Document]) -> Iterator[tuple[str, Document, Document]]:
    """Each pod of ours with its one container."""
    for name, one in of_kind(resources, "Deployment", "Job").items():
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        yield name, pod, container


def environment(resources: list[Document], container: Document) -> dict[str, str]:
    """What a container finds in its environment; of secrets the names alone."""
    maps = of_kind(resources, "ConfigMap")
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        if "configMapRef" in source:
            found |= maps[source["configMapRef"]["name"]]["data"]
    for one in container.get("env", []):
        found[one["name"]] = one.get("value", "")
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_manifests_are_valid(
    tool: Tool, built: dict[str, Path], overlay: str
) -> None:
    checked = tool("kubernetes-validate", "--strict", str(built[overlay]))

    said = checked.stdout + checked.stderr
    assert checked.returncode == 0, said
    # It knows no schemas of what operators bring, and says so.
    odd = [one for one in said.splitlines() if not one.startswith(("INFO", "WARN"))]
    assert odd == []


def test_checkov_finds_nothing_but_what_has_a_reason(
    tool: Tool, built: dict[str, Path]
) -> None:
    files = [part for file in built.values() for part in ("-f", str(file))]
    skipped = ("--skip-check", ",".join(SKIPPED))

    checked = tool(
        "checkov", *files, "--framework", "kubernetes", "--compact", "--quiet", *skipped
    )

    assert checked.returncode == 0, checked.stdout


def test_every_pod_keeps_to_the_restricted_profile(resources: list[Document]) -> None:
    namespace = of_kind(resources, "Namespace")["daybook"]
    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    for name, pod, container in pods(resources):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False, name
        assert own["readOnlyRootFilesystem"] is True, name
        assert own["capabilities"] == {"drop": ["ALL"]}, name
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert "memory" in container["resources"]["limits"], name
        mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        assert mounts["tmp"] == "/tmp"  # noqa: S108 - the pod's own
        (tmp,) = [one for one in pod["volumes"] if one["name"] == "tmp"]
        assert "sizeLimit" in tmp["emptyDir"], name


def test_every_variable_is_one_that_its_service_reads(
    resources: list[Document], variables_of: Callable[[str], set[str]]
) -> None:
    for name, _, container in pods(resources):
        service = "query" if name == "init" else name
        given = set(environment(resources, container))
        ours = {one for one in given if not one.startswith("AWS_")}
        every = {"KAFKA_BOOTSTRAP_SERVERS"}  # `daybook` of query reads it
        assert ours <= variables_of(service) | every, name
        assert "MONGODB_URI" in given, name


def test_secrets_are_made_as_the_guide_says(production: list[Document]) -> None:
    script = (ROOT / "deploy" / "make-secrets.sh").read_text()
    guide = (ROOT / "deploy" / "k8s" / "README.md").read_text()
    for _, _, container in pods(production):
        for source in container["envFrom"]:
            if "secretRef" in source:
                assert f"generic {source['secretRef']['name']}" in guide
        for one in container.get("env", []):
            if "valueFrom" in one:
                reference = one["valueFrom"]["secretKeyRef"]
                assert reference["key"] in script + guide
    (user,) = of_kind(production, "MongoDBCommunity")["daybook"]["spec"]["users"]
    assert f"generic {user['passwordSecretRef']['name']}" in guide


def test_files_are_where_query_and_every_exporter_see_the_same(
    resources: list[Document], request: pytest.FixtureRequest
) -> None:
    places = {
        name: environment(resources, container)
        for name, _, container in pods(resources)
        if name in ("query", "exporter")
    }

    addresses = {one["DAYBOOK_STORAGE_URL"] for one in places.values()}
    shared = {one["DAYBOOK_STORAGE_FOLDER_SHARED"] for one in places.values()}
    (address,) = addresses
    mounted = {
        name: [one["mountPath"] for one in container["volumeMounts"]]
        for name, _, container in pods(resources)
    }
    if address.startswith("/"):
        assert shared == {"true"}
        for name in places:
            assert any(address.startswith(one) for one in mounted[name])
    else:
        assert shared == {"false"}


def test_probes_ask_what_the_services_answer(resources: list[Document]) -> None:
    for name, _, container in pods(resources):
        if name == "init":
            continue
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        assert ports == ({"http": 8080} if name == "query" else {"health": 9100})
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["port"] in ports
            assert asked["path"] in ("/livez", "/readyz")
        # A broker or a database that is away is no reason for a restart.
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"


def test_a_pod_has_longer_to_leave_than_its_drain_takes(
    resources: list[Document], settings_of: SettingsOf
) -> None:
    length = TypeAdapter(timedelta)
    for name, pod, container in pods(resources):
        if name not in WORKERS:
            continue
        fields = settings_of[name].model_fields
        given = environment(resources, container).get("DAYBOOK_DRAIN_WITHIN")
        drain = (
            length.validate_python(given) if given else fields["drain_within"].default
        )
        rebalance = fields["rebalance_timeout"].default / 2
        grace = timedelta(seconds=pod["terminationGracePeriodSeconds"])
        assert grace >= drain + rebalance + timedelta(seconds=10), name


def test_each_worker_is_scaled_by_the_work_that_waits_for_it(
    production: list[Document], settings_of: SettingsOf
) -> None:
    deployments = of_kind(production, "Deployment")
    scaled = of_kind(production, "ScaledObject")
    assert set(scaled) == set(WORKERS)
    for name, one in scaled.items():
        spec = one["spec"]
        assert spec["scaleTargetRef"]["name"] == name
        assert "replicas" not in deployments[name]["spec"]
        assert spec["minReplicaCount"] >= 1
        assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
        for trigger in spec["triggers"]:
            held = trigger["metadata"]
            if trigger["type"] == "kafka":
                group = settings_of[name].model_fields["group_id"].default
                assert held["consumerGroup"] == group
                assert spec["maxReplicaCount"] <= TOPICS[held["topic"]].partitions
                assert held["offsetResetPolicy"] == "earliest"
    hpa = of_kind(production, "HorizontalPodAutoscaler")["query"]["spec"]
    assert hpa["scaleTargetRef"]["name"] == "query"
    assert "replicas" not in deployments["query"]["spec"]


def test_a_group_is_scaled_by_every_topic_that_it_reads(
    production: list[Document], settings_of: SettingsOf
) -> None:
    triggers = {
        name: {
            trigger["metadata"]["topic"]
            for trigger in one["spec"]["triggers"]
            if trigger["type"] == "kafka"
        }
        for name, one in of_kind(production, "ScaledObject").items()
    }
    for name in ("ingest", "task-tracker", "webhook-dispatcher"):
        fields = settings_of[name].model_fields
        read = {
            fields[topic].default
            for topic in ("requests_topic", "tasks_topic", "webhooks_topic")
            if topic in fields
        }
        assert triggers[name] == read, name


def test_signals_are_metrics_and_indexes_that_there_are(
    production: list[Document],
) -> None:
    registry = CollectorRegistry()
    DispatcherMetrics(registry)
    metrics = {f"sum({one.name} >= 0)" for one in registry.collect()}
    scaled = of_kind(production, "ScaledObject")
    due = scaled["webhook-dispatcher"]["spec"]["triggers"][0]["metadata"]
    jobs = scaled["exporter"]["spec"]["triggers"][0]["metadata"]
    (index,) = [
        one.document for one in EXPORT_INDEXES if one.document["name"] == EXPORTS_TO_RUN
    ]

    assert due["query"] in metrics
    assert due["ignoreNullValues"] == "false"
    asked = cast("Mapping[str, Any]", yaml.safe_load(jobs["query"]))
    assert index["partialFilterExpression"].items() <= asked.items()
    assert next(iter(index["key"])) in asked


def test_topics_are_as_the_code_has_them(resources: list[Document]) -> None:
    topics = of_kind(resources, "KafkaTopic")
    assert set(topics) == set(TOPICS)
    for name, topic in TOPICS.items():
        spec = topics[name]["spec"]
        assert spec["partitions"] == topic.partitions
        assert spec["config"] == wanted_settings(topic, spec["replicas"])


def test_every_service_can_be_drained_pod_by_pod(resources: list[Document]) -> None:
    budgets = of_kind(resources, "PodDisruptionBudget")
    for name, one in of_kind(resources, "Deployment").items():
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        labels = one["spec"]["template"]["metadata"]["labels"]
        for selector in (one["spec"]["selector"], budgets[name]["spec"]["selector"]):
            assert selector["matchLabels"].items() <= labels.items()
        assert one["spec"]["template"]["spec"]["topologySpreadConstraints"]


def test_webhooks_reach_no_private_network(production: list[Document]) -> None:
    policies = of_kind(production, "NetworkPolicy")
    denied = policies["default-deny"]["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (rule,) = policies["webhooks"]["spec"]["egress"]
    (block, _) = rule["to"]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(
        block["ipBlock"]["except"]
    )
