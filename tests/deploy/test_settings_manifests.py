"""What the pods of the Kubernetes manifests find in their environment."""

from collections.abc import Callable
from pathlib import Path

from daybook.testing.manifests import Manifests

ROOT = Path(__file__).parents[2]


def test_every_variable_is_one_that_its_service_reads(
    manifests: Manifests, variables_of: Callable[[str], set[str]]
) -> None:
    for pod in manifests.pods():
        service = "query" if pod.name == "init" else pod.name
        given = set(manifests.environment(pod.service))
        ours = {one for one in given if not one.startswith("AWS_")}
        every = {"KAFKA_BOOTSTRAP_SERVERS"}  # `daybook` of query reads it
        assert ours <= variables_of(service) | every, pod.name
        assert {"MONGODB_URI", *every} <= given, pod.name


def test_services_agree_on_what_they_share(
    manifests: Manifests, variables_of: Callable[[str], set[str]]
) -> None:
    shared = ("DAYBOOK_TIERS", "DAYBOOK_STORAGE_URL", "DAYBOOK_WEBHOOK_PLAIN_HTTP")
    for name in shared:
        readers = {
            pod.name: manifests.environment(pod.service).get(name)
            for pod in manifests.pods("Deployment")
            if name in variables_of(pod.name)
        }
        assert len(readers) > 1
        assert len(set(readers.values())) == 1, (name, readers)
        assert None not in readers.values(), (name, readers)


def test_secrets_are_made_as_the_guide_says(production: Manifests) -> None:
    script = (ROOT / "deploy" / "make-secrets.sh").read_text()
    guide = (ROOT / "deploy" / "k8s" / "README.md").read_text()
    for pod in production.pods():
        for source in pod.service.spec["envFrom"]:
            if "secretRef" in source:
                assert f"generic {source['secretRef']['name']}" in guide
        for one in pod.service.spec.get("env", []):
            if "valueFrom" in one:
                reference = one["valueFrom"]["secretKeyRef"]
                assert reference["key"] in script + guide
    (user,) = production.of_kind("MongoDBCommunity")["daybook"]["spec"]["users"]
    assert f"generic {user['passwordSecretRef']['name']}" in guide


def test_files_are_where_query_and_every_exporter_see_the_same(
    manifests: Manifests,
) -> None:
    for name in ("query", "exporter"):
        service = manifests.pod(name).service
        given = manifests.environment(service)
        address, shared = (
            given[f"DAYBOOK_STORAGE_{one}"] for one in ("URL", "FOLDER_SHARED")
        )
        if address.startswith("/"):
            assert shared == "true", name
            (path,) = [one for one in service.mounts if address.startswith(f"{one}/")]
            volume = service.pod.volumes[service.mounts[path]]
            assert volume["persistentVolumeClaim"]["claimName"] == "files", name
        else:
            assert shared == "false", name
            assert address.startswith("s3://"), name
