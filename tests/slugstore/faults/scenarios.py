"""What is done to a store while it is harmed."""
import dataclasses
import os
import shutil
import subprocess

import server
import slugs


@dataclasses.dataclass
class Scenario:
    name: str
    argv: list                  # behind "dyno-slug --store STORE"; or a whole command, if program is set
    before: list = ()           # commands that make the store as it is found
    program: str = ""           # default: dyno-slug
    stdin: str = os.devnull
    prints: str = None          # what a success prints; None: anything
    blobs: set = None           # what there must be in the end; None: anything
    trees: set = None
    again: tuple = (0,)         # how the second run may end
    damage: object = None       # called with the store, once it is made
    rest: set = frozenset()     # trees that have no .ok at the beginning
    damaged: bool = False       # may leave something in damaged/
    child: bool = False         # has a sandboxed child to kill apart


class Scenes:
    """Slugs, truths, a server, and the table of scenarios."""

    def __init__(self, work, build, big=600_000, entries=30):
        self.work, self.build = work, build
        self.slug = os.path.join(build, "dyno-slug")
        self.leaser = os.path.join(build, "tests/slugstore/faults/leaser")
        self.truths, self.files = {}, {}
        for name, seed, compressor in (("one", 1, "gzip"), ("two", 2, "zstd"), ("three", 3, "xz")):
            path = os.path.join(work, name + ".slug")
            sha256, truth = slugs.make(path, seed, compressor, big=big, entries=entries)
            self.truths[sha256], self.files[sha256] = truth, path
        self.one, self.two, self.three = self.files
        self.server = server.Server(work)

    def table(self):
        one, two, three = self.one, self.two, self.three
        file = self.files
        url = self.server.url
        have = ["import", file[one]]
        kept = [["import", file[three]], ["unpack", three]]     # leased all the time
        return [
            Scenario("import", ["import", file[one]], kept, prints=one, blobs={one, three}, trees={three}),
            Scenario("import-new-store", ["import", file[one]], prints=one, blobs={one}, trees=set()),
            Scenario("import-stdin", ["import", "--sha256", two, "-"], kept, stdin=file[two], prints=two,
                     blobs={two, three}, trees={three}),
            Scenario("import-again", ["import", file[one]], [*kept, have], prints=one, blobs={one, three},
                     trees={three}),
            Scenario("fetch", ["fetch", "--sha256", one, url("one.slug")], kept, prints=one, blobs={one, three},
                     trees={three}),
            Scenario("fetch-unnamed", ["fetch", url("one.slug")], kept, prints=one, blobs={one, three}, trees={three}),
            Scenario("get", ["get", one, url("one.slug")], kept, blobs={one, three}, trees={one, three}, child=True),
            Scenario("unpack", ["unpack", one], [*kept, have], blobs={one, three}, trees={one, three}, child=True),
            Scenario("unpack-zstd", ["unpack", two], [*kept, ["import", file[two]]], blobs={two, three},
                     trees={two, three}, child=True),
            Scenario("unpack-over-rest", ["unpack", one], [*kept, have, ["unpack", one]], damage=self.lose_ok(one), rest={one},
                     blobs={one, three}, trees={one, three}, child=True),
            Scenario("lease", ["{store}", one], [*kept, have, ["unpack", one]], program=self.leaser,
                     prints="leased", blobs={one, three}, trees={one, three}),
            Scenario("verify", ["verify"], [*kept, have, ["unpack", one]], blobs={one, three}, trees={one, three}),
            Scenario("rm", ["rm", one], [*kept, have, ["unpack", one]], again=(0, 3), blobs={three}, trees={three}),
        ]

    @staticmethod
    def lose_ok(sha256):
        """What a tree is without its last file: nobody's."""
        return lambda store: os.unlink(os.path.join(store, "trees", sha256, ".ok"))

    def command(self, sc, store):
        if sc.program:
            return [sc.program] + [a.format(store=store) for a in sc.argv]
        return [self.slug, "--store", store, *sc.argv]

    def prepare(self, sc, store):
        """The store as the scenario finds it."""
        shutil.rmtree(store, ignore_errors=True)
        for argv in sc.before:
            subprocess.run([self.slug, "--store", store, *argv], check=True, stdout=subprocess.DEVNULL)
        if sc.damage:
            sc.damage(store)
