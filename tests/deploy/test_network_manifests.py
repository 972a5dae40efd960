"""Who reaches whom by the Kubernetes manifests' policies: nobody, but for a few."""

import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from daybook.testing.manifests import Manifests, Pod
from daybook.webhooks.addresses import GLOBAL_V6, REFUSED_V4, REFUSED_V6, is_public

Document = dict[str, Any]
Tool = Callable[..., subprocess.CompletedProcess[str]]
DNS = "namespaces kubernetes.io/metadata.name=kube-system pods k8s-app=kube-dns"
# What every pod of ours asks: names, Kafka, MongoDB.
ALWAYS = {
    f"{DNS} UDP/53",
    f"{DNS} TCP/53",
    # In plain text where there is one node, else with a user.
    "pods strimzi.io/cluster=daybook TCP/9092",
    "pods strimzi.io/cluster=daybook TCP/9093",
    "pods app=daybook-svc TCP/27017",
}
OURS = ("app.kubernetes.io/part-of", "daybook")
KEDA = ("kubernetes.io/metadata.name", "keda")
STORAGE = {"anywhere TCP/443"}
INGRESS = "namespaces daybook/ingress=true"
MONITORING = "namespaces kubernetes.io/metadata.name=monitoring"


def policy(manifests: Manifests, name: str) -> Document:
    return manifests.of_kind("NetworkPolicy")[name]["spec"]


def test_nothing_goes_in_or_out_by_default(production: Manifests) -> None:
    denied = policy(production, "default-deny")

    # Every pod of the namespace, ours or not.
    assert denied["podSelector"] == {}
    assert set(denied["policyTypes"]) == {"Ingress", "Egress"}
    assert not denied.get("ingress")
    assert not denied.get("egress")
    namespaces = {
        one["metadata"]["namespace"]
        for one in production.of_kind("NetworkPolicy").values()
    }
    assert namespaces == {"daybook"}


@pytest.mark.parametrize(
    ("pod", "more"),
    [
        ("ingest", set[str]()),
        ("task-tracker", set[str]()),
        ("init", set[str]()),
        ("exporter", STORAGE),
        ("query", STORAGE),
        ("webhook-dispatcher", {"0.0.0.0/0 any port", f"{GLOBAL_V6} any port"}),
    ],
)
def test_a_pod_reaches_what_it_needs_and_nothing_else(
    production: Manifests, pod: str, more: set[str]
) -> None:
    assert production.ways(production.pod(pod), "Egress") == ALWAYS | more


def test_traces_open_the_way_to_the_collector_and_no_other(
    production: Manifests, traced: Manifests
) -> None:
    for pod in traced.pods():
        before = production.ways(production.pod(pod.name), "Egress")
        assert before is not None, pod.name
        address = urlsplit(traced.environment(pod.service)["DAYBOOK_OTLP_ENDPOINT"])
        # As the cluster's DNS has it: SERVICE.NAMESPACE.svc.
        _, namespace, svc = str(address.hostname).split(".")
        collector = f"namespaces kubernetes.io/metadata.name={namespace}"
        way = f"{collector} TCP/{address.port}"
        assert traced.ways(pod, "Egress") == before | {way}, pod.name
        assert traced.ways(pod, "Ingress") == production.ways(
            production.pod(pod.name), "Ingress"
        )
        assert (address.scheme, svc) == ("http", "svc")


def test_traces_shut_nobody_off_where_there_are_no_other_policies(tool: Tool) -> None:
    built = tool("kustomize", "build", "tests/deploy/overlays/traces-alone")

    # One policy by itself would let its pods reach the collector alone.
    assert built.returncode == 1
    assert "no matches for Id NetworkPolicy" in built.stderr
    assert "default-deny" in built.stderr


def test_nothing_is_sent_to_a_collector_unless_asked_for(
    production: Manifests,
) -> None:
    for pod in production.pods():
        assert "DAYBOOK_OTLP_ENDPOINT" not in production.environment(pod.service)


@pytest.mark.parametrize(
    ("pod", "let_in"),
    [
        *(
            (worker, {f"{MONITORING} TCP/9100"})
            for worker in ("ingest", "task-tracker", "exporter", "webhook-dispatcher")
        ),
        ("query", {f"{INGRESS} TCP/8080", f"{MONITORING} TCP/8080"}),
        ("init", set[str]()),
    ],
)
def test_a_pod_is_reached_where_it_answers_and_nowhere_else(
    production: Manifests, pod: str, let_in: set[str]
) -> None:
    found = production.pod(pod)

    assert production.ways(found, "Ingress") == let_in
    opened = {one.rpartition("/")[2] for one in let_in}
    assert opened == {str(port) for port in found.service.ports.values()}


def test_kafka_and_mongodb_are_where_the_policies_say(production: Manifests) -> None:
    (kafka,) = production.of_kind("Kafka").values()
    (mongodb,) = production.of_kind("MongoDBCommunity")
    name = kafka["metadata"]["name"]
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    given = production.environment(production.pod("ingest").service)

    assert f"pods strimzi.io/cluster={name} TCP/{listener['port']}" in ALWAYS
    assert f"pods app={mongodb}-svc TCP/27017" in ALWAYS
    assert given["KAFKA_BOOTSTRAP_SERVERS"] == (
        f"{name}-kafka-bootstrap.daybook.svc:{listener['port']}"
    )
    assert listener["tls"] is True
    assert listener["authentication"] == {"type": "scram-sha-512"}
    assert kafka["spec"]["kafka"]["authorization"] == {"type": "simple"}
    assert listener["networkPolicyPeers"] == [
        {"podSelector": {"matchLabels": dict([OURS])}},
        {"namespaceSelector": {"matchLabels": dict([KEDA])}},
        {"namespaceSelector": {"matchLabels": {"daybook/publishes": "true"}}},
    ]
    members = Pod("mongodb", {}, {"app": f"{mongodb}-svc"})
    assert production.ways(members, "Ingress") == {
        f"pods {'='.join(OURS)} TCP/27017",
        f"pods app={mongodb}-svc TCP/27017",
        f"namespaces {'='.join(KEDA)} TCP/27017",
    }


def test_webhooks_leave_to_just_the_networks_that_the_dispatcher_sends_to(
    production: Manifests,
) -> None:
    (rule,) = policy(production, "webhooks")["egress"]

    left_out = {
        one["ipBlock"]["cidr"]: sorted(one["ipBlock"].get("except", []))
        for one in rule["to"]
    }

    assert left_out == {
        "0.0.0.0/0": sorted(map(str, REFUSED_V4)),
        str(GLOBAL_V6): sorted(map(str, REFUSED_V6)),
    }
    for network in (*REFUSED_V4, *REFUSED_V6):
        assert not is_public(network[0])
        assert not is_public(network[-1])


def test_what_monitoring_scrapes_is_a_port_that_answers(production: Manifests) -> None:
    scraped: set[str] = set()
    for monitor in production.of_kind("PodMonitor").values():
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert endpoint["path"] == "/metrics"
        pods = production.selected(monitor["spec"]["selector"])
        assert scraped.isdisjoint(pods)
        scraped |= pods
        for name in pods:
            assert endpoint["port"] in production.pod(name).service.ports

    assert scraped == {pod.name for pod in production.pods("Deployment")}


def test_what_is_let_in_to_query_arrives_there(manifests: Manifests) -> None:
    (service,) = manifests.of_kind("Service").values()
    (port,) = service["spec"]["ports"]
    selector = {"matchLabels": service["spec"]["selector"]}

    assert manifests.selected(selector) == {"query"}
    assert port["targetPort"] in manifests.pod("query").service.ports
