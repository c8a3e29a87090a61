"""A process that has compiled everything and forks one child for each job, to be killed.

It has made no request itself, so its children may: the library's threads begin in each of them.
A job is a line of JSON, [what to do, URL, folder of a cache]; the answer is the child's process id.
A line with a process id waits for that child; the answer is its exit code, or minus the signal.
"""

import json
import os
import sys

from trajdata import ClipSource, ClipSpec, materialize, open_shards

SPEC = ClipSpec().replace(frames=4, height=16, width=16)
CLIPS, SHARD_CLIPS, SHARDS = 36, 3, 12


def bake(url, folder):
    materialize(ClipSource(SPEC), url, clips=CLIPS, shard_clips=SHARD_CLIPS, threads=2)


def read(url, folder):
    """Every clip through a cache, against the stream."""
    stored, live = open_shards(url, cache_dir=folder), ClipSource(SPEC)
    for index in range(CLIPS):
        assert (stored[index]["video"] == live[index]["video"]).all(), index


JOBS = {"bake": bake, "read": read}


def main():
    source = ClipSource(SPEC)
    source.warm()
    source.batch(range(CLIPS))
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                code = 1
                try:
                    job, url, folder = asked
                    JOBS[job](url, folder)
                    code = 0
                finally:
                    os._exit(code)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
