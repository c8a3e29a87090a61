"""A law of one's own: a boat that rocks while it drifts. Run me: python examples/user_law.py

``trajdata.law`` compiles the functions as the package's own are compiled, caches them on disk and
registers the law as "rocking_boat". Lengths are metres, times seconds.
"""

import numpy as np

import trajdata


@trajdata.law
class RockingBoat:
    numbers = ("x0_m", "y0_m", "z0_m", "vx_m_s", "vz_m_s", "height_m", "rate_rad_s")
    phrase = "rocks by {height_m:.2f} m to either side while it drifts at {vx_m_s:.2f} m/s"
    equation = "y(t) = {y0_m:.3f} {height_m:~.3f} sin({rate_rad_s:.3f} t)"

    def propose(scene, settings, own, w, v, speed, n):
        n[0], n[1], n[2] = scene.x, scene.y, scene.z
        x, y, z = trajdata.direction(trajdata.unit(w[0]), trajdata.unit(w[1]))
        n[3], n[4], n[6] = speed * x, speed * z, 8.0 / settings.seconds
        n[5] = speed * y / n[6]

    def position(n, t):
        _, sine = trajdata.cos_sin(n[6] * t)
        return n[0] + n[3] * t, n[1] + n[5] * sine, n[2] + n[4] * t

    def fastest(n, t0, t1):
        rocking = n[5] * n[6]
        return 1.0001 * np.sqrt(n[3] * n[3] + n[4] * n[4] + rocking * rocking)

    def distinct(scene, settings, own, n, t0, t1):
        return abs(n[5]) >= 0.03 * n[2]  # what cannot be seen is sampled again


if __name__ == "__main__":
    print(trajdata.check_law(RockingBoat))
    spec = trajdata.preset("magvit-32", laws=("linear", RockingBoat))
    clip = trajdata.ClipSource(spec, fields=("caption", "equation")).pair(0, "rocking_boat")
    print(clip["caption"], clip["equation"], sep="\n")
