"""Kubernetes resources as a test looks at them: as a cluster would take them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

Document = dict[str, Any]
Direction = Literal["Ingress", "Egress"]

_UNITS = {
    **{"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
    **{"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40},
}


def quantity(text: str | float) -> float:
    """What ``500m`` or ``1536Mi`` comes to; ``ValueError`` for anything else."""
    for unit in sorted(_UNITS, key=len, reverse=True):
        if str(text).endswith(unit):
            return float(str(text).removesuffix(unit)) * _UNITS[unit]
    return float(text)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector, which selects all when it is empty, takes these."""
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(
        _holds(one, labels) for one in selector.get("matchExpressions", [])
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    values: Collection[str] = expression.get("values", ())
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise ValueError(other)


@dataclass(frozen=True, slots=True)
class Container:
    """A container in its pod, whose settings hold where it has none of its own."""

    pod: "Pod"
    spec: Document

    @property
    def name(self) -> str:
        return f"{self.pod.name}/{self.spec['name']}"

    @property
    def security(self) -> Document:
        """What it runs under."""
        of_the_pod: Document = self.pod.spec.get("securityContext", {})
        return {**of_the_pod, **self.spec.get("securityContext", {})}

    def resource(self, kind: Literal["requests", "limits"], name: str) -> float | None:
        """Cores, or bytes; None where nothing is said."""
        said = self.spec.get("resources", {}).get(kind, {}).get(name)
        return None if said is None else quantity(said)

    @property
    def ports(self) -> dict[str, int]:
        return {one["name"]: one["containerPort"] for one in self.spec.get("ports", [])}

    @property
    def mounts(self) -> dict[str, str]:
        """The volume at each path."""
        mounts = self.spec.get("volumeMounts", [])
        return {one["mountPath"]: one["name"] for one in mounts}


@dataclass(frozen=True, slots=True)
class Pod:
    """The pods that a Deployment or a Job makes, as ``name`` says."""

    name: str
    spec: Document
    labels: dict[str, str]

    @property
    def containers(self) -> list[Container]:
        """All that ever run in it, those that prepare it first."""
        kinds = ("initContainers", "containers", "ephemeralContainers")
        specs = [one for kind in kinds for one in self.spec.get(kind, [])]
        return [Container(self, one) for one in specs]

    @property
    def service(self) -> Container:
        """The one that stays."""
        (one,) = self.spec["containers"]
        return Container(self, one)

    @property
    def volumes(self) -> dict[str, Document]:
        return {one["name"]: one for one in self.spec.get("volumes", [])}


class Manifests:
    """All resources of one overlay, as kustomize has built them."""

    def __init__(self, resources: Sequence[Document]) -> None:
        self._resources = resources

    def of_kind(self, *kinds: str) -> dict[str, Document]:
        """By name; no two of a kind have the same."""
        found = [one for one in self._resources if one["kind"] in kinds]
        named = {one["metadata"]["name"]: one for one in found}
        assert len(named) == len(found), f"{kinds}: a name is there twice"
        return named

    def pods(self, *kinds: str) -> list[Pod]:
        """Those of Deployments and Jobs, or of some kinds alone."""
        makers = self.of_kind(*(kinds or ("Deployment", "Job")))
        return [
            Pod(
                name,
                one["spec"]["template"]["spec"],
                one["spec"]["template"]["metadata"]["labels"],
            )
            for name, one in makers.items()
        ]

    def pod(self, name: str) -> Pod:
        (found,) = [one for one in self.pods() if one.name == name]
        return found

    def selected(self, selector: Mapping[str, Any]) -> set[str]:
        """The names of the pods that a selector takes."""
        return {one.name for one in self.pods() if selects(selector, one.labels)}

    def environment(self, container: Container) -> dict[str, str]:
        """What a container finds in its environment, but for what secrets hold.

        Of a whole secret nothing is known; of a value out of one, its name with "".
        """
        maps = self.of_kind("ConfigMap")
        found: dict[str, str] = {}
        for source in container.spec.get("envFrom", []):
            if "configMapRef" in source:
                found |= maps[source["configMapRef"]["name"]]["data"]
        for one in container.spec.get("env", []):
            found[one["name"]] = one.get("value", "")
        return found

    def ways(self, pod: Pod, direction: Direction) -> set[str] | None:
        """All that policies let in to a pod, or out of it, each as a line of text.

        Like ``pods app=x TCP/80``; None: no policy says anything, so all is let by.
        """
        policies = [
            one["spec"]
            for one in self.of_kind("NetworkPolicy").values()
            if direction in one["spec"]["policyTypes"]
            and selects(one["spec"]["podSelector"], pod.labels)
        ]
        if not policies:
            return None
        peers = "from" if direction == "Ingress" else "to"
        return {
            f"{peer} {port}"
            for spec in policies
            for rule in spec.get(direction.lower(), [])
            for peer in _peers(rule.get(peers))
            for port in _ports(rule.get("ports"))
        }


def _peers(peers: Sequence[Document] | None) -> Iterator[str]:
    # An empty list is as none: everybody.
    for peer in peers or [{}]:
        if "ipBlock" in peer:
            yield peer["ipBlock"]["cidr"]
        else:
            parts = [
                f"{words} {_labels(peer[kind])}"
                for kind, words in (
                    ("namespaceSelector", "namespaces"),
                    ("podSelector", "pods"),
                )
                if kind in peer
            ]
            yield " ".join(parts) or "anywhere"


def _labels(selector: Mapping[str, Any]) -> str:
    assert "matchExpressions" not in selector, selector
    labels = cast("Mapping[str, str]", selector.get("matchLabels", {}))
    return ",".join(f"{name}={value}" for name, value in labels.items()) or "all"


def _ports(ports: Sequence[Document] | None) -> Iterator[str]:
    for one in ports or [{}]:
        end = f"-{one['endPort']}" if "endPort" in one else ""
        # A port of no protocol is TCP's.
        yield f"{one.get('protocol', 'TCP')}/{one['port']}{end}" if one else "any port"
