"""What people ask the exporter to do, as commands."""

from daybook.runtime.mongo import Document

from query.exports.repository import Exports
from query.exports.shapes import ENDED
from query.webhooks.commands import Commands


class Asking:
    """Each raises the API's 404 where there is no such export of the project."""

    def __init__(self, stored: Exports, commands: Commands) -> None:
        self._stored = stored
        self._commands = commands

    async def cancel(self, project_id: str, export_id: str) -> Document | None:
        """End an export; its command as it is after a little while.

        None: it has ended before, and stays as it is. Asked again, it is the same.
        """
        found = await self._stored.find(project_id, export_id)
        if found["status"] in ENDED:
            return None
        parameters = {"export_id": export_id}
        return await self._commands.give(project_id, "export.cancel", parameters)

    async def delete(self, project_id: str, export_id: str) -> Document:
        """Hide an export at once, on every process; the exporter removes its files.

        The command as it is stored: nobody waits for it.
        """
        await self._stored.find(project_id, export_id)
        parameters = {"export_id": export_id}
        return await self._commands.store(project_id, "export.delete", parameters)
