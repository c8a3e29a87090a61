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


def slab(origin, rays, axis, half):
    """When each ray enters and leaves the space between two planes across an axis."""
    with np.errstate(divide="ignore"):
        ends = np.stack([(side - origin[axis]) / rays[..., axis] for side in (-half, half)])
    return ends.min(0), ends.max(0)


def meeting(*spans):
    """The beginning of what all of the spans have in common, or infinity."""
    begin = np.max([span[0] for span in spans], axis=0)
    end = np.min([span[1] for span in spans], axis=0)
    return np.where(begin <= end, begin, np.inf)


def cube_hits(origin, rays, half):
    return meeting(*(slab(origin, rays, axis, half[axis]) for axis in range(3)))


def cylinder_hits(origin, rays, half):
    a = (rays[..., :2] ** 2).sum(-1)
    b = 2 * rays[..., :2] @ origin[:2]
    c = origin[:2] @ origin[:2] - half[0] ** 2
    root = np.sqrt(np.where(b * b >= 4 * a * c, b * b - 4 * a * c, np.nan))
    side = (-b - root) / (2 * a), (-b + root) / (2 * a)
    found = meeting(side, slab(origin, rays, 2, half[2]))
    return np.where(np.isnan(found), np.inf, found)


def cone_hits(origin, rays, half):
    """The base and the side by themselves: the nearest place of either that is on the cone."""
    slope = half[0] / (2 * half[2])
    base = (-half[2] - origin[2]) / rays[..., 2]
    there = origin + base[..., None] * rays
    best = np.where(np.hypot(there[..., 0], there[..., 1]) <= half[0], base, np.inf)
    # x^2 + y^2 = slope^2 (half - z)^2
    scale = np.array([1, 1, -(slope**2)])
    tip = origin - np.array([0, 0, half[2]])
    a, b, c = (rays**2) @ scale, 2 * (rays * tip) @ scale, (tip**2) @ scale
    root = np.sqrt(np.where(b * b >= 4 * a * c, b * b - 4 * a * c, np.nan))
    for sign in (-1, 1):
        t = (-b + sign * root) / (2 * a)
        z = (origin + t[..., None] * rays)[..., 2]
        best = np.where((np.abs(z) <= half[2]) & (t < best), t, best)
    return best


HITS = {
    "disc": disc_hits,
    "sphere": sphere_hits,
    "cube": cube_hits,
    "cylinder": cylinder_hits,
    "cone": cone_hits,
}

FIELDS = (
    *("exists", "present", "shapes", "target", "positions", "quaternions", "half_extents"),
    *("colours", "amodal_boxes"),
)
"""What a clip must have for ``bodies_of`` and ``picture``."""


def sphere_normals(points, half):
    return points / half[0]


def cube_normals(points, half):
    face = np.abs(points / half).argmax(-1)
    return np.eye(3)[face] * np.sign(np.take_along_axis(points, face[..., None], -1))


def cylinder_normals(points, half):
    is_lid = np.abs(points[..., 2]) > half[2] * (1 - 1e-6)
    side = np.stack([points[..., 0], points[..., 1], 0 * points[..., 0]], -1) / half[0]
    lid = np.array([0, 0, 1]) * np.sign(points[..., 2:])
    return np.where(is_lid[..., None], lid, side)


def cone_normals(points, half):
    is_base = points[..., 2] < half[2] * (-1 + 1e-6)
    slope = half[0] / (2 * half[2])
    side = np.stack([points[..., 0], points[..., 1], slope**2 * (half[2] - points[..., 2])], -1)
    side /= np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-12)
    return np.where(is_base[..., None], np.array([0.0, 0, -1]), side)


NORMALS = {
    "sphere": sphere_normals,
    "cube": cube_normals,
    "cylinder": cylinder_normals,
    "cone": cone_normals,
}


def between(lattice, places):
    """The numbers at places (..., d) between those of a lattice of d axes, which stand at whole
    coordinates: eased, 3 u^2 - 2 u^3, along each axis in turn."""
    last = np.array(lattice.shape) - 2
    cell = np.clip(np.floor(places).astype(int), 0, last)
    u = np.clip(places - cell, 0, 1)
    share = 3 * u**2 - 2 * u**3
    found = np.zeros(places.shape[:-1])
    for corner in np.ndindex(*(2,) * lattice.ndim):
        weight = np.where(np.array(corner) == 1, share, 1 - share).prod(-1)
        found += weight * lattice[tuple(np.moveaxis(cell + corner, -1, 0))]
    return found


@dataclass
class Body:
    """One object at one moment."""

    shape: str
    position: np.ndarray
    turn: np.ndarray
    half: np.ndarray
    pattern: np.ndarray | None = None

    def hits(self, rays):
        """How often each ray must go until it meets the object, or infinity."""
        return HITS[self.shape](-self.position @ self.turn, rays @ self.turn, self.half)

    def shine(self, rays, depths, light):
        """How much of its colour each point at the end of a ray shows."""
        points = (rays * depths[..., None] - self.position) @ self.turn
        shown = np.ones_like(depths)
        if self.pattern is not None:
            shown = between(self.pattern, 1.5 + 1.5 * points[..., ::-1] / self.size)
        if self.shape not in NORMALS:
            return shown
        normals = NORMALS[self.shape](points, self.half)
        return shown * (0.35 + 0.65 * np.clip(normals @ (light @ self.turn), 0, 1))

    @property
    def size(self):
        """The radius of the sphere that it fits into."""
        share = {"cube": 3**-0.5, "cylinder": 0.6, "cone": 0.6}.get(self.shape, 1.0)
        return self.half[0] / share


@dataclass
class Camera:
    """Where a camera is: a place x of the world is at ``turn @ x + shift`` in its axes."""

    turn: np.ndarray
    shift: np.ndarray

    def sees(self, body):
        """A body in the camera's axes."""
        place = self.turn @ body.position + self.shift
        return Body(body.shape, place, self.turn @ body.turn, body.half, body.pattern)

    def wall(self, rays, depth):
        """How far each ray of the camera's goes until it meets the plane z = depth of the world."""
        middle = -self.turn.T @ self.shift
        return (depth - middle[2]) / (rays @ self.turn)[..., 2]


def camera_of(clip, view, k):
    """A clip's camera, of its own extrinsics."""
    matrix = clip["extrinsics"][view, k].astype(float)
    return Camera(matrix[:3, :3], matrix[:3, 3])


def view_of(clip, view):
    """A clip of several cameras as one of them sees it."""
    found = dict(clip)
    for name in ("boxes", "amodal_boxes", "visible_pixels", "visibility", "points", "occluded"):
        found[name] = clip[name][:, view]
    for name in ("segmentations", "depth_map", "forward_flow", "backward_flow", "pixels", "depth"):
        found[name] = clip[name][view]
    return found


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
    """What each ray meets first: slot + 1 or 0, and at which depth. wall: how far each goes."""
    ids = np.zeros(rays.shape[:-1], int)
    depths = np.broadcast_to(np.asarray(wall, float), rays.shape[:-1]).copy()
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


def ground(spec, scene, along, lattices=()):
    """What rays (..., 3) meet on the wall, (..., C) on 0..255: from one colour to another.

    lattices: of a texture, (cells along the shorter side, share, first row and column, numbers).
    """
    ends = [
        [scene[f"{end}_{part}"] for part in ("red", "green", "blue")] for end in ("back", "far")
    ]
    first, other = 255 * np.array(ends)
    if spec.channels == 1:
        first, other = first @ [[0.299], [0.587], [0.114]], other @ [[0.299], [0.587], [0.114]]
    x, y = along[..., 0] / along[..., 2], along[..., 1] / along[..., 2]
    share = np.full(x.shape, 0.5)
    for cells, weight, corner, numbers in lattices:
        places = np.stack([y, x], -1) * cells - np.array(corner)
        share += 1.75 * weight * (between(numbers, places) - 0.5)
    if spec.looks.background == "gradient":
        shorter = min(spec.height, spec.width)
        reach = abs(scene["along_x"]) * spec.width + abs(scene["along_y"]) * spec.height
        share += (scene["along_x"] * x + scene["along_y"] * y) * shorter / reach
    return first + np.clip(share, 0, 1)[..., None] * (other - first)


def picture(clip, spec, k, scene, rays=16, lattices=(), patterns=None):
    """Frame k, float64 (C, H, W) on 0..255, as the mean of rays x rays rays in every pixel.

    scene: SCENE (O,), for light and background, which no field has. lattices: see ``ground``.
    patterns: float64 (O, 4, 4, 4), of the objects.
    """
    bodies = bodies_of(clip, spec, k)
    for item, own in enumerate(() if patterns is None else patterns):
        if scene[item]["slot"] in bodies:
            bodies[scene[item]["slot"]].pattern = own
    light = np.array([scene[0][f"light_{axis}"] for axis in "xyz"])
    back = np.array([scene[0][f"back_{part}"] for part in ("red", "green", "blue")])
    colours = clip["colours"].astype(float)
    if spec.channels == 1:
        back, colours = back @ [[0.299], [0.587], [0.114]], colours[:, :1]
    back = np.floor(255 * back + 0.5)
    found = np.zeros((spec.height, spec.width, spec.channels))
    for shift in np.stack(np.meshgrid(*[(np.arange(rays) + 0.5) / rays - 0.5] * 2), -1).reshape(
        -1, 2
    ):
        along = rays_of(spec, shift)
        ids, depths = nearest(bodies, along, np.inf)
        frame = np.broadcast_to(back, found.shape).copy()
        if spec.looks.has_ground:
            frame = np.floor(ground(spec, scene[0], along, lattices) + 0.5)
        for slot, body in bodies.items():
            own = ids == slot + 1
            shine = body.shine(along[own], depths[own], light)
            frame[own] = 255 * colours[slot] * shine[:, None]
        found += frame
    return np.moveaxis(found / rays**2, -1, 0)


def decibels(truth, clip, k):
    """Peak signal-to-noise ratio of a clip's frame k, in the objects' boxes and over the frame."""
    square = (truth - clip["video"][k]) ** 2
    inside = np.zeros(square.shape[1:], bool)
    for left, top, right, bottom in clip["amodal_boxes"][clip["present"][:, k], k]:
        inside[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = True
    return (
        10 * np.log10(255**2 / max(square[:, inside].mean(), 1e-9)),
        10 * np.log10(255**2 / max(square.mean(), 1e-9)),
    )
