"""Numbers for what Figures 4 to 6 show: how symmetric, how spread and how overlapping classes are.

The paper gives pictures and a single number, the share within 0.3 of the largest distance. These numbers are ours.
All but that share are the same for any scale and rotation of the embeddings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from studies.embeddings.runs import Labels, Points

NEIGHBOURS = 10
"""Number of nearest samples whose classes are compared."""

RADII: NDArray[np.float64] = np.linspace(0, 1, 41)
"""Relative distances of Figure 6; 0.3 is among them."""

PAPER_RADIUS = 0.3
"""The radius of the paper's example (section 4.1): almost all training embeddings of shaken PreActBN lie within."""

MEASURES = ("symmetry", "centring", "spread", "overlap", "margin")


def measure(points: Points, labels: Labels) -> dict[str, float]:
    """All numbers of `MEASURES` for one set of embeddings.

    Args:
        points: (samples, 2) embeddings.
        labels: (samples,) classes; at least two, of at least two samples each.

    Returns:
        `symmetry`, see `angular_symmetry`; `centring`: distance of the class centres' mean from the origin over the
        root mean square distance of the centres from their mean, 0 when the classes lie about the origin; `spread`:
        root mean square distance of samples to their class centre over that of the centres to their mean; `overlap`:
        percent of the 10 nearest neighbours of a sample that are of another class; `margin`: median distance of a
        sample to the nearest one of another class, over the root mean square distance of samples to their mean.
    """
    centres = class_centres(points, labels)
    middle = centres.mean(axis=0)
    between = np.sqrt(np.square(centres - middle).sum(axis=1).mean())
    within = np.sqrt(np.square(points - centres[_index(labels)]).sum(axis=1).mean())
    return {
        "symmetry": angular_symmetry(centres),
        "centring": float(np.linalg.norm(middle) / between),
        "spread": float(within / between),
        "overlap": overlap(points, labels),
        "margin": margin(points, labels),
    }


def class_centres(points: Points, labels: Labels) -> Points:
    """(classes, 2) mean of each class that is there, in the order of the labels."""
    return np.stack([points[labels == label].mean(axis=0) for label in np.unique(labels)])


def angular_symmetry(centres: Points) -> float:
    """Evenness of the directions of class centres from their mean, from 0 (all in one direction) to 1 (equal angles).

    It is the entropy of the angles between neighbouring directions, as shares of the circle, over its largest value.
    """
    outward = centres - centres.mean(axis=0)
    angles = np.sort(np.arctan2(outward[:, 1], outward[:, 0]))
    gaps = np.diff(angles, append=angles[0] + 2 * np.pi) / (2 * np.pi)
    gaps = gaps[gaps > 0]
    return float(-(gaps * np.log(gaps)).sum() / np.log(len(centres)))


def overlap(points: Points, labels: Labels, neighbours: int = NEIGHBOURS) -> float:
    """Percent of each sample's nearest others that belong to another class, mean over samples."""
    neighbours = min(neighbours, len(points) - 1)
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(return_distance=False)
    return float(100 * (labels[nearest] != labels[:, np.newaxis]).mean())


def margin(points: Points, labels: Labels) -> float:
    """Median distance to the nearest sample of another class, in units of the spread of all samples."""
    distances = np.empty(len(points))
    for label in np.unique(labels):
        own = labels == label
        distances[own] = NearestNeighbors(n_neighbors=1).fit(points[~own]).kneighbors(points[own])[0][:, 0]
    scale = np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean())
    return float(np.median(distances) / scale)


def share_within(
    evaluated: Points, trained: Points, labels: Labels, radii: NDArray[np.float64] = RADII
) -> NDArray[np.float64]:
    """Figure 6: percent of a class's samples within a relative distance of its centre, mean over classes.

    Centres and distances are those of eval mode; a class's unit of length is its largest distance in train mode from
    the same centre ("distances relative to the largest distance in the class that is calculated in the train mode").

    Args:
        evaluated: (samples, 2) training embeddings in eval mode.
        trained: the same samples in train mode.
        labels: (samples,) classes.
        radii: relative distances.

    Returns:
        (radii,) percent.
    """
    shares = []
    for label, centre in zip(np.unique(labels), class_centres(evaluated, labels), strict=True):
        own = labels == label
        largest = np.linalg.norm(trained[own] - centre, axis=1).max()
        relative = np.linalg.norm(evaluated[own] - centre, axis=1) / largest
        shares.append((relative[:, np.newaxis] <= radii).mean(axis=0))
    result: NDArray[np.float64] = 100 * np.mean(shares, axis=0)
    return result


def _index(labels: Labels) -> Labels:
    """Positions of the labels among those that are there."""
    return np.searchsorted(np.unique(labels), labels)
