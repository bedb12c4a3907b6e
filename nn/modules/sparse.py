"""The embeddings, under the path that PyTorch has for them."""

from __future__ import annotations

from nn.modules.embedding import Embedding as Embedding
from nn.modules.embedding import EmbeddingBag as EmbeddingBag
