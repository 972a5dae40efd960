"""What scales each service in the Kubernetes manifests, beside what it reads."""

from collections.abc import Mapping
from typing import Any, cast

import yaml
from daybook.events.topics import EXPORTS, TOPICS
from daybook.runtime.metrics import DispatcherMetrics
from daybook.storage import collections
from daybook.storage.exports import EXPORT_INDEXES, EXPORTS_TO_RUN
from daybook.testing.manifests import Manifests
from prometheus_client import CollectorRegistry
from pydantic_settings import BaseSettings

Document = dict[str, Any]
SettingsOf = Mapping[str, type[BaseSettings]]
# Each worker, and the topics of which its group's lag calls for more processes. An
# export is work for minutes, however quickly its event is read.
SCALED_BY_LAG = {
    "ingest": ("requests_topic", "tasks_topic", "webhooks_topic"),
    "task-tracker": ("tasks_topic",),
    "webhook-dispatcher": ("webhooks_topic",),
    "exporter": (),
}


def scaled(manifests: Manifests) -> dict[str, Document]:
    found = manifests.of_kind("ScaledObject")
    return {name: one["spec"] for name, one in found.items()}


def triggers(spec: Document, kind: str) -> list[Document]:
    return [one["metadata"] for one in spec["triggers"] if one["type"] == kind]


def default(settings_of: SettingsOf, service: str, name: str) -> Any:
    return settings_of[service].model_fields[name].default


def test_each_worker_is_scaled_and_by_one_thing_alone(production: Manifests) -> None:
    deployments = production.of_kind("Deployment")
    scalers = production.of_kind("ScaledObject", "HorizontalPodAutoscaler")
    targets = [one["spec"]["scaleTargetRef"] for one in scalers.values()]

    # Each Deployment once; KEDA's default kind is Deployment.
    assert sorted(one["name"] for one in targets) == sorted(deployments)
    assert {one.get("kind", "Deployment") for one in targets} == {"Deployment"}
    assert set(scaled(production)) == set(SCALED_BY_LAG)
    for name, spec in scaled(production).items():
        assert spec["scaleTargetRef"]["name"] == name


def test_who_is_scaled_has_no_number_of_its_own(manifests: Manifests) -> None:
    # Each applying would set it back.
    for name, one in manifests.of_kind("Deployment").items():
        assert "replicas" not in one["spec"], name


def test_a_worker_is_never_scaled_to_none_or_beyond_its_partitions(
    production: Manifests,
) -> None:
    topics = production.of_kind("KafkaTopic")
    for name, spec in scaled(production).items():
        read = {one["topic"] for one in triggers(spec, "kafka")} or {EXPORTS}
        partitions = min(topics[topic]["spec"]["partitions"] for topic in read)
        assert 1 <= spec["minReplicaCount"] < spec["maxReplicaCount"], name
        assert spec["maxReplicaCount"] <= partitions, name
        assert spec.get("idleReplicaCount") is None, name


def test_a_group_is_scaled_by_every_topic_that_it_reads(
    production: Manifests, settings_of: SettingsOf
) -> None:
    for name, spec in scaled(production).items():
        by_lag = triggers(spec, "kafka")
        read = [default(settings_of, name, topic) for topic in SCALED_BY_LAG[name]]
        assert sorted(one["topic"] for one in by_lag) == sorted(read), name
        for one in by_lag:
            assert one["topic"] in TOPICS, name
            assert one["consumerGroup"] == default(settings_of, name, "group_id")
            # Nothing committed: all that the topic holds is lag.
            assert one["offsetResetPolicy"] == "earliest", name
            # Far above what a healthy group has uncommitted, below a minute's work.
            assert 1_000 <= int(one["lagThreshold"]) <= 50_000, name
            assert one["version"], name


def test_lag_is_asked_of_the_brokers_that_the_services_read_from(
    production: Manifests,
) -> None:
    for name, spec in scaled(production).items():
        given = production.environment(production.pod(name).service)
        for one in triggers(spec, "kafka"):
            assert one["bootstrapServers"] == given["KAFKA_BOOTSTRAP_SERVERS"], name


def test_no_signal_that_is_lost_reads_as_nothing_to_do(production: Manifests) -> None:
    for name, spec in scaled(production).items():
        assert spec["fallback"]["behavior"] == "currentReplicasIfHigher", name
        assert spec["fallback"]["failureThreshold"] >= 1, name
        assert spec["minReplicaCount"] <= spec["fallback"]["replicas"], name
        assert spec["fallback"]["replicas"] <= spec["maxReplicaCount"], name
        for one in triggers(spec, "prometheus"):
            assert one["ignoreNullValues"] == "false", name
        # Nobody leaves at every lull: partitions and slots change hands each time.
        behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300, name


def test_the_dispatcher_is_scaled_by_what_is_due(production: Manifests) -> None:
    registry = CollectorRegistry()
    metrics = DispatcherMetrics(registry)
    (name,) = {one.name for one in metrics.due.collect()}

    (due,) = triggers(scaled(production)["webhook-dispatcher"], "prometheus")

    # What is not counted yet is NaN, which no sum survives.
    assert due["query"] == f"sum({name} >= 0)"
    assert 1 <= int(due["threshold"]) <= 1_000
    assert due["serverAddress"].startswith("http://prometheus-operated.monitoring.svc")


def test_the_exporter_is_scaled_by_the_exports_that_wait_or_run(
    production: Manifests, settings_of: SettingsOf
) -> None:
    spec = scaled(production)["exporter"]
    (jobs,) = triggers(spec, "mongodb")
    (index,) = [
        one.document for one in EXPORT_INDEXES if one.document["name"] == EXPORTS_TO_RUN
    ]
    asked = cast("Mapping[str, Any]", yaml.safe_load(jobs["query"]))
    of_process = default(settings_of, "exporter", "exports_of_process")

    assert jobs["dbName"] == default(settings_of, "exporter", "mongodb_database")
    assert jobs["collection"] == collections.EXPORTS
    assert asked["status"] == {"$in": ["SCHEDULED", "IN_PROGRESS"]}
    assert index["partialFilterExpression"].items() <= asked.items()
    assert next(iter(index["key"])) in asked
    assert int(jobs["queryValue"]) == of_process
    # More would have nothing to run.
    at_once = default(settings_of, "exporter", "exports_at_once")
    assert spec["maxReplicaCount"] * of_process == at_once


def test_keda_asks_kafka_as_a_user_that_there_is(production: Manifests) -> None:
    asked = {
        one["authenticationRef"]["name"]
        for spec in scaled(production).values()
        for one in spec["triggers"]
        if one["type"] == "kafka"
    }
    (name,) = asked
    given = production.of_kind("TriggerAuthentication")[name]["spec"]
    maps = production.of_kind("ConfigMap")
    settings = {
        one["parameter"]: maps[one["name"]]["data"][one["key"]]
        for one in given["configMapTargetRef"]
    }
    secrets = {one["parameter"]: one["name"] for one in given["secretTargetRef"]}
    user = production.of_kind("KafkaUser")[settings["username"]]["spec"]

    assert (settings["sasl"], settings["tls"]) == ("scram_sha512", "enable")
    assert secrets == {
        "password": f"kafka-{settings['username']}",
        "ca": "daybook-cluster-ca-cert",
    }
    # It changes nothing: what it asks for lets nobody read or write.
    for acl in user["authorization"]["acls"]:
        assert acl["operations"] == ["Describe"]


def test_keda_reads_the_database_as_the_services_do(production: Manifests) -> None:
    authentications = production.of_kind("TriggerAuthentication")
    (asked,) = [
        one["authenticationRef"]["name"]
        for one in scaled(production)["exporter"]["triggers"]
        if one["type"] == "mongodb"
    ]
    (given,) = [
        one["valueFrom"]["secretKeyRef"]
        for one in production.pod("exporter").service.spec["env"]
        if one["name"] == "MONGODB_URI"
    ]

    assert authentications[asked]["spec"]["secretTargetRef"] == [
        {"parameter": "connectionString", **given}
    ]


def test_query_is_scaled_by_the_share_of_the_cpu_that_it_asks_for(
    production: Manifests,
) -> None:
    (spec,) = [
        one["spec"] for one in production.of_kind("HorizontalPodAutoscaler").values()
    ]
    (metric,) = spec["metrics"]

    assert spec["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "query",
    }
    # A node that goes away takes no more than one of two.
    assert 2 <= spec["minReplicas"] < spec["maxReplicas"]
    assert metric["resource"]["name"] == "cpu"
    assert metric["resource"]["target"]["type"] == "Utilization"
    assert 50 <= metric["resource"]["target"]["averageUtilization"] <= 80
    assert production.pod("query").service.resource("requests", "cpu") is not None
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300
