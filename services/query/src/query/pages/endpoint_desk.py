"""The pages of webhook endpoints, rendered from what is read of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from daybook.runtime.clock import Clock
from starlette.responses import Response

from query.api.webhook_errors import told
from query.pages.asked import Asked, asked
from query.pages.desk import Desk
from query.pages.endpoint_forms import BLANK, form_of
from query.pages.endpoint_views import EndpointRow, facts, stats_context
from query.pages.forms import CURSOR, Pairs, local_time
from query.pages.links import ENDPOINTS, endpoint_page, sendouts_with
from query.pages.listing import PAGE_LIMIT
from query.pages.sendout_views import both_lists
from query.sessions import Session
from query.shapes import Json, time_text
from query.webhooks.endpoint_shapes import endpoint_shape
from query.webhooks.endpoints import WithSecret
from query.webhooks.parts import Webhooks


@dataclass(frozen=True, slots=True)
class EndpointDesk:
    """Each answers a page; ApiError where there is no such endpoint."""

    desk: Desk
    webhooks: Webhooks
    clock: Clock

    async def list(self, session: Session, pairs: Pairs) -> Response:
        """All endpoints, with what became of each."""
        project_id = session.caller.project_id
        with told():
            page = await self.webhooks.endpoints.page(
                project_id, cursor_text=dict(pairs).get(CURSOR), limit=PAGE_LIMIT
            )
        rates = await self.webhooks.stats.success_rates(
            project_id, [endpoint["id"] for endpoint in page.rows]
        )
        older = page.next_cursor
        context: dict[str, Any] = {
            "lists": both_lists(ENDPOINTS),
            "rows": [
                EndpointRow(endpoint_shape(endpoint), rates.get(endpoint["id"]))
                for endpoint in page.rows
            ],
            "older_href": f"{ENDPOINTS}?{CURSOR}={older}" if older else None,
        }
        return self.desk.page("endpoints.html", context, session=session)

    async def show(
        self,
        session: Session,
        endpoint_id: str,
        pairs: Pairs,
        *,
        notice: Asked | None = None,
    ) -> Response:
        """One endpoint; ``notice`` says why what was asked for was refused."""
        project_id = session.caller.project_id
        with told():
            endpoint = await self.webhooks.endpoints.get(project_id, endpoint_id)
        stats = await self.webhooks.stats.of(project_id, endpoint_id)
        said = notice or await asked(self.webhooks.commands, project_id, pairs)
        shape = endpoint_shape(endpoint)
        disabled: Json | None = shape["disabled"]
        context: dict[str, Any] = {
            "row": EndpointRow(shape),
            "asked": said,
            "stats": stats_context(endpoint_id, stats),
            "facts_list": facts(shape),
            "page": endpoint_page(endpoint_id),
            "sendouts_href": sendouts_with("endpoint_id", endpoint_id),
            "now": local_time(time_text(self.clock())),
            # What was held since then is what a replay is for.
            "since": local_time(disabled["at"] or "") if disabled else "",
        }
        status = HTTPStatus.BAD_REQUEST if notice else HTTPStatus.OK
        return self.desk.page("endpoint.html", context, session=session, status=status)

    def form(
        self,
        session: Session,
        endpoint_id: str | None,
        values: Mapping[str, str] = BLANK,
        problems: Mapping[str, str] | None = None,
    ) -> Response:
        """The form of a new endpoint, or of one that there is."""
        new = endpoint_id is None
        page = ENDPOINTS if endpoint_id is None else endpoint_page(endpoint_id)
        fields = form_of(values, problems or {}, new=new)
        known = {field["input"].name for field in fields}
        context: dict[str, Any] = {
            "new": new,
            "fields": fields,
            "others": [
                f"{name}: {said}"
                for name, said in (problems or {}).items()
                if name not in known
            ],
            "action": page if new else f"{page}/edit",
            "back": page,
        }
        status = HTTPStatus.BAD_REQUEST if problems else HTTPStatus.OK
        return self.desk.page(
            "endpoint_form.html", context, session=session, status=status
        )

    def secret(self, session: Session, made: WithSecret, title: str) -> Response:
        """The new secret: in this answer, and never again."""
        context: dict[str, Any] = {
            "title": title,
            "row": EndpointRow(endpoint_shape(made.endpoint)),
            "secret": made.secret,
        }
        return self.desk.page("endpoint_secret.html", context, session=session)
