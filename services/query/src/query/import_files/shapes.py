"""An import file as the API shows it, and the same as its documentation does."""

from typing import Literal

from pydantic import BaseModel, Field

from query.api.models import Time
from query.import_files.repository import ImportFile
from query.shapes import Json, time_text

LIST = "import_files"


def import_file_shape(file: ImportFile) -> Json:
    return {
        "object": "import_file",
        "id": file.id,
        "project_id": file.project_id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "created_at": time_text(file.created_at),
    }


class ImportFileModel(BaseModel, title="ImportFile"):
    """An uploaded file; name it as `import_file_id` in requests and tasks."""

    object: Literal["import_file"]
    id: str = Field(examples=["imf_019abc…"])
    project_id: str
    name: str = Field(description="As it was uploaded, without a path.")
    content_type: str
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="Of the content, in hexadecimal.")
    created_at: Time


class ImportFilePage(BaseModel):
    """A page of import files, newest first."""

    object: Literal["list"]
    data_ref: Literal["import_files"]
    import_files: list[ImportFileModel]
    has_more: bool
    next_cursor: str | None
