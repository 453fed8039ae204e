"""Explanations: how much each column moved each answer, exact where the model allows it.

rows, background ─▶ row_attributions ─ trees in their own unit ─▶ interventional_trees | path_dependent_trees
                                     ─ trees behind a link     ─▶ linked_trees
                                     ─ linear                  ─▶ linear
                                     ─ anything else           ─▶ sampled
                                             └─▶ checks ─▶ Attributions
"""

from whybox.domain.explanations.attributions import Attributions
from whybox.domain.explanations.row_attributions import attribute_rows

__all__ = ["Attributions", "attribute_rows"]
