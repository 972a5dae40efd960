"""``/import-files/{id}``: a file that a log or a task names, for who is signed in."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.import_files.downloads import download
from query.import_files.library import Library
from query.import_files.repository import ImportFile, ImportFiles
from query.pages.desk import Desk


def import_file_pages(desk: Desk, library: Library) -> APIRouter:
    """The page's route: the same answer as the API's, behind the session."""
    router = APIRouter(include_in_schema=False)

    @router.get("/import-files/{file_id}")
    async def get_content(request: Request, file_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return download(await library.open(session.caller.project_id, file_id))

    return router


async def import_file_href(
    files: ImportFiles, project_id: str, file_id: str | None
) -> str | None:
    """Where the file is downloaded, if the project has it.

    ``file_id`` is a stranger's; the address is made of the stored one.
    """
    if file_id is None:
        return None
    file: ImportFile | None = await files.get(project_id, file_id)
    return None if file is None else f"/import-files/{file.id}"
