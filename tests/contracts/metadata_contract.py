"""What every MetadataStore promises; inherit the class and give it a ``store`` fixture."""

from __future__ import annotations

from tests.contracts.metadata_edge import EdgePromises
from tests.contracts.metadata_images import ImagePromises
from tests.contracts.metadata_links import LinkPromises
from tests.contracts.metadata_repositories import RepositoryPromises
from tests.contracts.metadata_uploads import UploadPromises


class MetadataContract(
    RepositoryPromises, LinkPromises, UploadPromises, EdgePromises, ImagePromises
):
    """All of it; the parts are separate files only because they are long."""
