from pathlib import Path

import pytest
from daybook.runtime.storage_settings import FolderNotShared, StorageSettings


@pytest.mark.parametrize("address", [".daybook/objects", "file:///var/lib/daybook"])
def test_a_folder_that_others_do_not_see_is_refused_with_what_to_do(
    address: str,
) -> None:
    settings = StorageSettings(storage_url=address, storage_folder_shared=False)

    with pytest.raises(FolderNotShared) as refused:
        settings.objects()

    assert address in str(refused.value)
    assert "s3://BUCKET/PREFIX" in str(refused.value)
    assert "DAYBOOK_STORAGE_FOLDER_SHARED=true" in str(refused.value)


def test_a_cloud_is_never_a_folder() -> None:
    settings = StorageSettings(
        storage_url="s3://files/daybook", storage_folder_shared=False
    )

    assert settings.objects().local_path("a/b") is None


def test_a_folder_that_all_see_is_taken(tmp_path: Path) -> None:
    settings = StorageSettings(storage_url=str(tmp_path))

    assert settings.objects().local_path("a/b") == tmp_path / "a" / "b"
