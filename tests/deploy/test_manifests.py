"""The pods of the Kubernetes manifests, held without a cluster."""

import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from daybook.events.topics import TOPICS
from daybook.runtime.kafka_topics import wanted_settings
from daybook.testing.manifests import Container, Manifests, quantity
from pydantic import TypeAdapter
from pydantic_settings import BaseSettings
from query.__main__ import LINGER_S
from query.settings import QuerySettings
from query.webhooks.drafts import LONGEST_TIMEOUT_MS

Tool = Callable[..., subprocess.CompletedProcess[str]]
SettingsOf = Mapping[str, type[BaseSettings]]
ROOT = Path(__file__).parents[2]
WORKERS = {"ingest", "task-tracker", "webhook-dispatcher", "exporter"}
SERVICES = WORKERS | {"query"}
TMP = "/tmp"  # noqa: S108 - the pod's own
# What closes connections and ends a process, beside all that is waited for.
MARGIN = timedelta(seconds=5)
# What checkov asks for and is not done, with why.
SKIPPED = {
    "CKV_K8S_11": "a CPU limit throttles a worker that catches up",
    "CKV_K8S_15": "a version's image is never changed: Always asks for nothing new",
    "CKV_K8S_35": "settings come from the environment, secret ones too",
    "CKV_K8S_43": "digests are for who builds the images: images: in an overlay",
}


@pytest.mark.parametrize("overlay", ["local", "production", "traced"])
def test_the_manifests_are_valid(
    tool: Tool, built: Mapping[str, Path], overlay: str
) -> None:
    checked = tool("kubernetes-validate", "--strict", str(built[overlay]))

    said = checked.stdout + checked.stderr
    assert checked.returncode == 0, said
    # It knows no schemas of what operators bring, and says so.
    odd = [one for one in said.splitlines() if not one.startswith(("INFO", "WARN"))]
    assert odd == []


def test_checkov_finds_nothing_but_what_has_a_reason(
    tool: Tool, built: Mapping[str, Path]
) -> None:
    files = [part for file in built.values() for part in ("-f", str(file))]
    skipped = ("--skip-check", ",".join(SKIPPED))

    checked = tool(
        "checkov", *files, "--framework", "kubernetes", "--compact", "--quiet", *skipped
    )

    assert checked.returncode == 0, checked.stdout


def containers(manifests: Manifests) -> list[Container]:
    return [one for pod in manifests.pods() for one in pod.containers]


def test_there_is_a_pod_for_each_service_and_nothing_else(manifests: Manifests) -> None:
    assert {pod.name for pod in manifests.pods("Deployment")} == SERVICES
    assert {pod.name for pod in manifests.pods("Job")} == {"init"}
    # Pods come from nowhere else: what follows holds for all of them.
    kinds = ("Pod", "ReplicaSet", "StatefulSet", "DaemonSet", "CronJob")
    assert manifests.of_kind(*kinds) == {}


def test_every_container_keeps_to_the_restricted_profile(manifests: Manifests) -> None:
    labels = manifests.of_kind("Namespace")["daybook"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for one in containers(manifests):
        security = one.security
        assert security["runAsNonRoot"] is True, one.name
        assert security["runAsUser"] > 0, one.name
        assert security["runAsGroup"] > 0, one.name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, one.name
        assert security["allowPrivilegeEscalation"] is False, one.name
        assert security["readOnlyRootFilesystem"] is True, one.name
        assert security["capabilities"] == {"drop": ["ALL"]}, one.name
        assert not security.get("privileged"), one.name
        assert not any("hostPort" in port for port in one.spec.get("ports", []))


def test_no_pod_shares_anything_with_its_node(manifests: Manifests) -> None:
    kinds = {"emptyDir", "persistentVolumeClaim", "secret"}
    for pod in manifests.pods():
        shared = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")
        assert not any(name in pod.spec for name in shared), pod.name
        for volume in pod.volumes.values():
            assert (volume.keys() - {"name"}) <= kinds, pod.name


def test_no_pod_holds_a_token_of_the_cluster(manifests: Manifests) -> None:
    accounts = manifests.of_kind("ServiceAccount")
    for pod in manifests.pods():
        assert pod.spec["automountServiceAccountToken"] is False, pod.name
        account = accounts[pod.spec["serviceAccountName"]]
        assert account["automountServiceAccountToken"] is False, pod.name
    # One each, and none that has rights.
    assert set(accounts) == {pod.name for pod in manifests.pods()}
    assert manifests.of_kind("RoleBinding", "ClusterRoleBinding") == {}


def test_every_container_asks_for_what_it_needs_and_is_bounded(
    manifests: Manifests,
) -> None:
    for one in containers(manifests):
        cpu = one.resource("requests", "cpu")
        memory = one.resource("requests", "memory")
        most = one.resource("limits", "memory")
        assert cpu is not None, one.name
        assert 0.05 <= cpu <= 4, one.name
        assert memory is not None, one.name
        assert most is not None, one.name
        assert 64 * 2**20 <= memory <= most <= 4 * 2**30, one.name
        assert one.resource("limits", "cpu") is None, one.name


def test_what_a_container_may_write_to_has_a_size(manifests: Manifests) -> None:
    for one in containers(manifests):
        assert TMP in one.mounts, one.name
        for mount in one.spec["volumeMounts"]:
            volume = one.pod.volumes[mount["name"]]
            if "emptyDir" in volume:
                assert quantity(volume["emptyDir"]["sizeLimit"]) > 0, one.name
            elif "secret" in volume:
                # An authority's certificate, and not the key beside it.
                assert mount["readOnly"] is True, one.name
                files = [item["key"] for item in volume["secret"]["items"]]
                assert files == ["ca.crt"], one.name
    # Only query and the exporter keep files, where there is a folder for them.
    claims = {
        pod.name
        for pod in manifests.pods()
        for volume in pod.volumes.values()
        if "persistentVolumeClaim" in volume
    }
    assert claims in (set(), {"query", "exporter"})


def test_copies_of_what_is_browsed_fit_query_s_tmp(manifests: Manifests) -> None:
    pod = manifests.pod("query")

    size = quantity(pod.volumes[pod.service.mounts[TMP]]["emptyDir"]["sizeLimit"])

    assert size > QuerySettings.model_fields["browse_cache_bytes"].default


def probe(container: Container, name: str) -> tuple[str, int, float]:
    """What it asks, of which port, and for how many seconds it may go unanswered."""
    spec = container.spec[name]
    seconds = spec["periodSeconds"] * spec.get("failureThreshold", 3)
    asked = spec["httpGet"]
    return asked["path"], container.ports[asked["port"]], seconds


def test_probes_ask_what_the_services_answer(manifests: Manifests) -> None:
    for pod in manifests.pods("Deployment"):
        service, is_worker = pod.service, pod.name in WORKERS
        port = 9100 if is_worker else 8080
        assert list(service.ports.values()) == [port], pod.name
        started, startup_port, startup_s = probe(service, "startupProbe")
        alive, live_port, live_s = probe(service, "livenessProbe")
        ready, ready_port, _ = probe(service, "readinessProbe")
        assert {startup_port, live_port, ready_port} == {port}, pod.name
        # The first poll is done: until then its rivals keep their partitions.
        assert started == ("/readyz" if is_worker else "/livez"), pod.name
        # A broker or a database that is away is no reason for a restart.
        assert (alive, ready) == ("/livez", "/readyz"), pod.name
        assert startup_s >= (120 if is_worker else 60), pod.name
        # A busy moment is none either.
        assert live_s >= 30, pod.name
        for one in ("livenessProbe", "readinessProbe"):
            assert service.spec[one]["timeoutSeconds"] >= 5, pod.name


def length(
    manifests: Manifests, settings_of: SettingsOf, service: str, name: str
) -> timedelta:
    """A setting as the pod finds it: given, or the default."""
    given = manifests.environment(manifests.pod(service).service)
    default: timedelta = settings_of[service].model_fields[name].default
    text = given.get(f"DAYBOOK_{name.upper()}")
    return default if text is None else TypeAdapter(timedelta).validate_python(text)


def test_a_pod_has_longer_to_leave_than_its_drain_takes(
    manifests: Manifests, settings_of: SettingsOf
) -> None:
    for name in WORKERS:
        drain = length(manifests, settings_of, name, "drain_within")
        rebalance = length(manifests, settings_of, name, "rebalance_timeout") / 2
        grace = timedelta(
            seconds=manifests.pod(name).spec["terminationGracePeriodSeconds"]
        )
        assert grace >= drain + rebalance + 2 * MARGIN, name
    # An attempt that is under way is answered, or has timed out.
    drain = length(manifests, settings_of, "webhook-dispatcher", "drain_within")
    assert drain > timedelta(milliseconds=LONGEST_TIMEOUT_MS)


def test_query_is_told_to_stop_once_nobody_is_sent_to_it(
    manifests: Manifests, settings_of: SettingsOf
) -> None:
    pod = manifests.pod("query")
    pause = pod.service.spec["lifecycle"]["preStop"]["sleep"]["seconds"]
    answers = length(manifests, settings_of, "query", "shutdown_grace")

    grace = timedelta(seconds=pod.spec["terminationGracePeriodSeconds"])

    assert pause >= 5
    assert grace >= timedelta(seconds=pause + LINGER_S) + answers + MARGIN


def test_a_worker_leaves_before_another_is_started(manifests: Manifests) -> None:
    deployments = manifests.of_kind("Deployment")
    for name in WORKERS:
        assert deployments[name]["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
        }


def test_every_service_can_be_drained_pod_by_pod(manifests: Manifests) -> None:
    budgets = manifests.of_kind("PodDisruptionBudget")
    assert set(budgets) == SERVICES
    for name, deployment in manifests.of_kind("Deployment").items():
        budget = budgets[name]["spec"]
        assert budget["maxUnavailable"] == 1
        assert "minAvailable" not in budget
        assert manifests.selected(budget["selector"]) == {name}
        assert manifests.selected(deployment["spec"]["selector"]) == {name}


def test_the_pods_of_a_service_are_spread_over_nodes(manifests: Manifests) -> None:
    for pod in manifests.pods("Deployment"):
        (spread,) = pod.spec["topologySpreadConstraints"]
        assert spread["topologyKey"] == "kubernetes.io/hostname", pod.name
        assert spread["maxSkew"] == 1, pod.name
        # One node alone is no reason to run nothing.
        assert spread["whenUnsatisfiable"] == "ScheduleAnyway", pod.name
        assert manifests.selected(spread["labelSelector"]) == {pod.name}


def test_topics_are_as_the_code_has_them(manifests: Manifests) -> None:
    topics = manifests.of_kind("KafkaTopic")
    (kafka,) = manifests.of_kind("Kafka")
    assert set(topics) == set(TOPICS)
    for name, topic in TOPICS.items():
        spec = topics[name]["spec"]
        assert spec["partitions"] == topic.partitions
        assert spec["config"] == wanted_settings(topic, spec["replicas"])
        assert topics[name]["metadata"]["labels"]["strimzi.io/cluster"] == kafka


def test_webhooks_leave_to_no_network_of_ours_by_a_setting(
    manifests: Manifests,
) -> None:
    for name in ("query", "webhook-dispatcher"):
        given = manifests.environment(manifests.pod(name).service)
        allowed = given["DAYBOOK_WEBHOOK_ALLOWED_NETWORKS"].split(",")
        assert [ip_network(one) for one in allowed if one] == []
        assert given["DAYBOOK_WEBHOOK_PLAIN_HTTP"] == "false"
