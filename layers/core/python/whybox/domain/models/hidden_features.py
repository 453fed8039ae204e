"""Random hidden features: clusters and quasi-random rectified units appended to the columns, layer by layer.

    S = (Z - own_means) / own_scales                         own columns, elementwise affine
    per layer:
    b = S @ direction > threshold                            nearer to which of two cluster centres
    C = cluster_rows[b]                                      the one-hot of b, standardised: 2 columns
    R = max(0, bias_rows[b] + S @ weights)                   = relu([1, S, C] W), W a Sobol sequence
    S = [S, C, (R - hidden_means) / hidden_scales]           the next layer's input, or the output

Columns of the output: q own columns, then per layer 2 cluster columns and n_hidden_features hidden ones.
Nothing is drawn at random: the Sobol sequence is the unscrambled one and the clusters start from the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MAX_CLUSTER_ROUNDS = 100  # Lloyd's rounds; two clusters settle in about ten
POWER_ROUNDS = 30  # power iterations for a start: a rough principal axis is enough
N_CLUSTERS = 2
N_SKIPPED_POINTS = 2

Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class HiddenLayer:
    """One layer on standardised inputs S (n, m) with h hidden features.

    direction (m,), threshold: ``S @ direction > threshold`` says cluster 1, the nearer centre;
    centres (2, m): the cluster centres in S; cluster_rows (2, 2): standardised one-hot of cluster 0 and 1;
    weights (m, h); bias_rows (2, h): bias plus the cluster columns' contribution, for cluster 0 and 1;
    hidden_means (h,), hidden_scales (h,): standardisation of the rectified units.
    """

    centres: Float64s
    direction: Float64s
    threshold: float
    cluster_rows: Float64s
    weights: Float64s
    bias_rows: Float64s
    hidden_means: Float64s
    hidden_scales: Float64s

    @property
    def n_inputs(self) -> int:
        """m, the number of input columns."""
        return len(self.direction)

    @property
    def n_hidden(self) -> int:
        """h, the number of hidden features."""
        return int(self.weights.shape[1])

    def write(self, S: Float64s, out: Float64s) -> None:
        """Write the 2 cluster and h hidden columns of inputs S (n, m) into ``out`` (n, 2 + h)."""
        cluster = (S @ self.direction > self.threshold).astype(np.int64)
        out[:, :N_CLUSTERS] = self.cluster_rows[cluster]
        rectified = np.maximum(S @ self.weights + self.bias_rows[cluster], 0.0)
        np.divide(rectified - self.hidden_means, self.hidden_scales, out=out[:, N_CLUSTERS:])


@dataclass(frozen=True, slots=True, eq=False)
class HiddenFeatures:
    """The fitted transformer; ``own_means`` and ``own_scales`` are (q,), a scale is never 0."""

    own_means: Float64s
    own_scales: Float64s
    layers: tuple[HiddenLayer, ...]

    @property
    def n_own(self) -> int:
        """q, the number of encoded columns; they are output columns 0..q-1."""
        return len(self.own_means)

    @property
    def n_outputs(self) -> int:
        """Number of output columns."""
        return self.n_own + sum(N_CLUSTERS + layer.n_hidden for layer in self.layers)

    def own_columns(self, Z: Float64s) -> Float64s:
        """Return output columns 0..q-1, ``(Z - own_means) / own_scales``, to the bit as in ``transform``."""
        return (Z - self.own_means) / self.own_scales

    def transform(self, Z: Float64s) -> Float64s:
        """Return the output columns, C-contiguous float64 (n, q + layers * (2 + h)).

        Z is the encoded matrix (n, q), without NaN. Per layer two matrix products.
        """
        out = np.empty((len(Z), self.n_outputs))
        np.subtract(Z, self.own_means, out=out[:, : self.n_own])
        out[:, : self.n_own] /= self.own_scales
        for layer in self.layers:
            m = layer.n_inputs
            layer.write(out[:, :m], out[:, m : m + N_CLUSTERS + layer.n_hidden])
        return out


def fit_hidden_features(Z: Float64s, *, n_hidden_features: int, n_layers: int = 1) -> HiddenFeatures:
    """Learn the layers from encoded training rows Z (n, q), finite.

    Deterministic: the same Z gives the same layers, no state is kept, no random number is drawn. Linear in
    the rows.
    """
    own_means, own_scales = _moments(Z)
    S = (Z - own_means) / own_scales
    layers = []
    for _ in range(n_layers):
        layer = _fit_layer(S, n_hidden_features)
        added = np.empty((len(S), N_CLUSTERS + n_hidden_features))
        layer.write(S, added)
        layers.append(layer)
        S = np.hstack([S, added])
    return HiddenFeatures(own_means, own_scales, tuple(layers))


def _fit_layer(S: Float64s, n_hidden: int) -> HiddenLayer:
    n_inputs = S.shape[1]
    centres = find_two_centres(S)
    direction = centres[1] - centres[0]
    threshold = float((centres[1] @ centres[1] - centres[0] @ centres[0]) / 2)
    cluster = (S @ direction > threshold).astype(np.int64)
    one_hot = np.eye(N_CLUSTERS)
    cluster_means, cluster_scales = _moments(one_hot[cluster])
    cluster_rows = (one_hot - cluster_means) / cluster_scales
    sobol = sobol_weights(1 + n_inputs + N_CLUSTERS, n_hidden)
    weights = np.ascontiguousarray(sobol[1 : 1 + n_inputs])
    bias_rows = sobol[0] + cluster_rows @ sobol[1 + n_inputs :]
    hidden_means, hidden_scales = _moments(np.maximum(S @ weights + bias_rows[cluster], 0.0))
    return HiddenLayer(
        centres=centres,
        direction=direction,
        threshold=threshold,
        cluster_rows=cluster_rows,
        weights=weights,
        bias_rows=bias_rows,
        hidden_means=hidden_means,
        hidden_scales=hidden_scales,
    )


def _moments(columns: Float64s) -> tuple[Float64s, Float64s]:
    """Return mean and standard deviation of each column, the latter 1 where a column is constant."""
    means, scales = columns.mean(axis=0), columns.std(axis=0)
    # rounding leaves a constant column a spread of a few ulps of its mean; dividing by that would make noise
    is_constant = scales <= 16 * np.finfo(np.float64).eps * np.abs(means)
    return means, np.where(is_constant | (scales == 0), 1.0, scales)


def find_two_centres(S: Float64s) -> Float64s:
    """Return the centres (2, m) of two clusters of standardised rows S (n, m), by Lloyd's k-means.

    The start is the sign of the first principal component, the relaxed solution of 2-means (Ding and He
    2004, doi:10.1145/1015330.1015408), so that no random start is needed. Without any spread both centres
    are equal.
    """
    gram = S.T @ S
    spread = np.trace(gram)
    axis = np.ones(S.shape[1])
    # No eigenvalue of it is above 1, and the largest is at least one q-th: nothing overflows or vanishes.
    scaled = gram / spread if spread > 0 else gram
    for _ in range(POWER_ROUNDS):
        axis = scaled @ axis
    if not axis.any():
        return np.zeros((N_CLUSTERS, S.shape[1]))
    is_second: Bools = S @ axis > 0
    total = S.sum(axis=0)
    for _ in range(MAX_CLUSTER_ROUNDS):
        n_second = int(np.count_nonzero(is_second))
        if n_second in {0, len(S)}:
            return np.zeros((N_CLUSTERS, S.shape[1]))
        second = is_second.astype(np.float64) @ S
        centres = np.array([(total - second) / (len(S) - n_second), second / n_second])
        threshold = (centres[1] @ centres[1] - centres[0] @ centres[0]) / 2
        nearer = S @ (centres[1] - centres[0]) > threshold
        if np.array_equal(nearer, is_second):
            break
        is_second = nearer
    return centres


@lru_cache(maxsize=64)
def sobol_weights(n_rows: int, n_columns: int) -> Float64s:
    """Return weights in [-1, 1), float64 (n_rows, n_columns): column j is point j + 2 of the Sobol sequence.

    The sequence is the unscrambled one of ``n_rows`` dimensions (Joe and Kuo 2008, doi:10.1137/070709359).
    Its first two points, all 0 and all 1/2, are left out: one unit would have every weight -1, the next
    every weight 0 and so be constant. The result is read-only.
    """
    from scipy.stats import qmc  # half a second to import, and only needed here

    n_doublings = int(np.ceil(np.log2(n_columns + N_SKIPPED_POINTS)))
    points = qmc.Sobol(d=n_rows, scramble=False).random_base2(n_doublings)
    weights: Float64s = np.ascontiguousarray(
        2.0 * points[N_SKIPPED_POINTS : N_SKIPPED_POINTS + n_columns].T - 1.0
    )
    weights.flags.writeable = False
    return weights
