"""A second renderer, to check the first against: plain NumPy in float64, ray by ray.

It shares no code with trajdata and knows nothing but a clip's own fields: where each object is, how
it is turned and how big it is. Pixel (i, j) is seen along
((j + 0.5 - W/2) / f, (i + 0.5 - H/2) / f, 1) with f = min(H, W).
"""

from dataclasses import dataclass

import numpy as np

TIE_PX = 1e-3
"""Two rays so far apart that meet different things: the pixel lies on an outline, and where the
inputs are float32, either answer is right."""


def rotation(q):
    """The matrix of a quaternion wxyz: columns are the object's axes in the world."""
    w, x, y, z = np.asarray(q, float) / np.linalg.norm(q)
    turn = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * turn + 2 * turn @ turn


def disc_hits(origin, rays, half):
    with np.errstate(divide="ignore", invalid="ignore"):
        t = -origin[2] / rays[..., 2]
    there = origin + t[..., None] * rays
    return np.where(np.hypot(there[..., 0], there[..., 1]) <= half[0], t, np.inf)


def sphere_hits(origin, rays, half):
    length = np.linalg.norm(rays, axis=-1)
    along = -(rays @ origin) / length
    # The ray passes the centre at this distance.
    passing = np.linalg.norm(origin + (along / length)[..., None] * rays, axis=-1)
    inside = passing <= half[0]
    back = np.sqrt(np.where(inside, half[0] ** 2 - passing**2, 0))
    return np.where(inside, (along - back) / length, np.inf)


HITS = {"disc": disc_hits, "sphere": sphere_hits}


@dataclass
class Body:
    """One object at one moment."""

    shape: str
    position: np.ndarray
    turn: np.ndarray
    half: np.ndarray

    def hits(self, rays):
        """How often each ray must go until it meets the object, or infinity."""
        return HITS[self.shape](-self.position @ self.turn, rays @ self.turn, self.half)


def bodies_of(clip, spec, k):
    """slot -> what is in it at frame k."""
    return {
        slot: Body(
            spec.shapes[clip["shapes"][slot]],
            clip["positions"][slot, k].astype(float),
            rotation(clip["quaternions"][slot, k]),
            clip["half_extents"][slot].astype(float),
        )
        for slot in range(len(clip["exists"]))
        if clip["exists"][slot] and clip["present"][slot, k]
    }


def rays_of(spec, shift=(0.0, 0.0)):
    """(H, W, 3): a ray through every pixel, ``shift`` pixels off its centre."""
    focal = min(spec.height, spec.width)
    rows, columns = np.mgrid[: spec.height, : spec.width] + 0.5
    x = (columns + shift[0] - spec.width / 2) / focal
    y = (rows + shift[1] - spec.height / 2) / focal
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def nearest(bodies, rays, wall):
    """What each ray meets first: slot + 1 or 0, and at which depth."""
    ids = np.zeros(rays.shape[:-1], int)
    depths = np.full(rays.shape[:-1], float(wall))
    for slot, body in bodies.items():
        own = body.hits(rays)
        ids = np.where(own < depths, slot + 1, ids)
        depths = np.minimum(own, depths)
    return ids, depths


def is_tie(bodies, spec, wall):
    """(H, W): whether another ray very near to the pixel's meets something else."""
    around = [(TIE_PX, 0), (-TIE_PX, 0), (0, TIE_PX), (0, -TIE_PX), (0, 0)]
    found = np.stack([nearest(bodies, rays_of(spec, shift), wall)[0] for shift in around])
    return (found != found[0]).any(0)


def project(points, spec):
    """Where points (..., 3) are on the picture, pixels (..., 2)."""
    focal = min(spec.height, spec.width)
    return focal * points[..., :2] / points[..., 2:] + np.array([spec.width / 2, spec.height / 2])


def flow(ids, depths, bodies, later, spec):
    """(2, H, W): where each pixel's point is when the bodies are where ``later`` has them, less
    where it is now."""
    rays = rays_of(spec)
    points = rays * depths[..., None]
    moved = points.copy()
    for slot, body in bodies.items():
        own = ids == slot + 1
        moved[own] = (points[own] - body.position) @ body.turn @ later[slot].turn.T
        moved[own] += later[slot].position
    return np.moveaxis(project(moved, spec) - project(points, spec), -1, 0)
