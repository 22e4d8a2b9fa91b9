"""What: collections of documents, who may use them, and the chunks that are searched."""

from ingest.models.chunks import Chunk, Index, IndexedDocument
from ingest.models.collections import Collection, Grant
from ingest.models.documents import Document, Extract, original_path, said_day
from ingest.models.keeping import Forgotten, Hold, Receipt
from ingest.models.sources import SourceItem, SyncRun, SyncSource
from ingest.models.transfers import Transfer

__all__ = [
    "Chunk",
    "Collection",
    "Document",
    "Extract",
    "Forgotten",
    "Grant",
    "Hold",
    "Index",
    "IndexedDocument",
    "Receipt",
    "SourceItem",
    "SyncRun",
    "SyncSource",
    "Transfer",
    "original_path",
    "said_day",
]
