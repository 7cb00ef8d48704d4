"""What is done to a store while it is harmed."""
import dataclasses
import hashlib
import os
import shutil
import subprocess

import server
import slugs


@dataclasses.dataclass
class Scenario:
    name: str
    argv: list                  # behind "dyno-slug --store STORE", or behind "steward STORE"
    before: list = ()           # commands that make the store as it is found
    steward: bool = False
    stdin: str = os.devnull
    prints: str = None          # what a success prints; None: anything
    blobs: set = None           # what there must be in the end; None: anything
    trees: set = None
    pins: set = frozenset()
    again: tuple = (0,)         # how the second run may end
    damage: object = None       # called with the store, once it is made
    rest: set = frozenset()     # trees that have no .ok at the beginning
    damaged: bool = False       # may leave something in damaged/
    child: bool = False         # has a sandboxed child to kill apart
    lines: int = 1              # of a failure
    status: int = 0             # of a run without any harm
    after: list = ()            # commands that bring it to its goal


class Scenes:
    """Slugs, truths, a server, and the table of scenarios."""

    def __init__(self, work, build, big=600_000, entries=30):
        self.work, self.build = work, build
        self.slug = os.path.join(build, "dyno-slug")
        self.steward = os.path.join(build, "tests/slugstore/faults/steward")
        self.tripwire = os.path.join(build, "tests/slugstore/faults/tripwire")
        self.truths, self.files = {}, {}
        for name, seed, compressor in (("one", 1, "gzip"), ("two", 2, "zstd"), ("three", 3, "xz")):
            path = os.path.join(work, name + ".slug")
            sha256, truth = slugs.make(path, seed, compressor, big=big, entries=entries)
            self.truths[sha256], self.files[sha256] = truth, path
        self.one, self.two, self.three = self.files
        image = os.path.join(work, "image.slug")
        subprocess.run([self.slug, "--store", os.path.join(work, "unused"), "convert", "--output", image,
                        self.files[self.one]], check=True, stdout=subprocess.DEVNULL)
        with open(image, "rb") as f:
            self.image = hashlib.file_digest(f, "sha256").hexdigest()
        self.files[self.image], self.truths[self.image] = image, slugs.IMAGE
        self.server = server.Server(work)

    def table(self):
        one, two, three = self.one, self.two, self.three
        file = self.files
        url = self.server.url
        have = ["import", file[one]]
        # What the disk does not give is damaged, too, and brought anew.
        heal = [["import", file[one]], ["unpack", one], ["import", file[three]], ["unpack", three]]
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
            Scenario("get-broken-off", ["get", two, url("two.slug?half")], kept, blobs={two, three},
                     trees={two, three}, child=True),
            Scenario("get-resumed", ["get", two, url("two.slug")], kept, blobs={two, three}, trees={two, three},
                     child=True, damage=self.break_off(False)),
            Scenario("get-resumed-wrong", ["get", two, url("two.slug")], kept, blobs={two, three}, trees={two, three},
                     child=True, damage=self.break_off(True)),
            Scenario("unpack", ["unpack", one], [*kept, have], blobs={one, three}, trees={one, three}, child=True),
            Scenario("unpack-zstd", ["unpack", two], [*kept, ["import", file[two]]], blobs={two, three},
                     trees={two, three}, child=True),
            Scenario("unpack-over-rest", ["unpack", one], [*kept, have, ["unpack", one]], damage=self.lose_ok(one), rest={one},
                     blobs={one, three}, trees={one, three}, child=True),
            Scenario("unpack-image", ["unpack", self.image], [*kept, ["import", file[self.image]]],
                     blobs={self.image, three}, trees={self.image, three}),
            Scenario("lease", ["lease", one], [*kept, have, ["unpack", one]], steward=True, prints="leased",
                     blobs={one, three}, trees={one, three}),
            Scenario("verify", ["verify"], [*kept, have, ["unpack", one]], blobs={one, three}, trees={one, three},
                     damaged=True, lines=4, again=(0, 1), after=heal),
            Scenario("verify-damaged", ["verify"], [*kept, have, ["unpack", one]], blobs={one, three},
                     trees={one, three}, damage=self.spoil(one), rest={one}, damaged=True, lines=4, status=1,
                     again=(0, 1), after=heal),
            Scenario("rm", ["rm", one], [*kept, have, ["unpack", one]], again=(0, 3), blobs={three}, trees={three}),
            Scenario("collect", ["collect", "1"],
                     [*kept, have, ["unpack", one], ["import", file[two]], ["@", "pin", three]], steward=True,
                     blobs={three}, trees={three}, pins={three}),
            Scenario("gc", ["gc", "--high-bytes", "1"],
                     [*kept, have, ["unpack", one], ["import", file[two]], ["@", "pin", three]], blobs={three},
                     trees={three}, pins={three}),
            Scenario("pin", ["pin", one], [*kept, have], steward=True, blobs={one, three}, trees={three}, pins={one}),
            Scenario("unpin", ["unpin", one], [*kept, have, ["@", "pin", one]], steward=True, blobs={one, three},
                     trees={three}),
            Scenario("keep", ["keep", two, three], [*kept, ["@", "pin", one], ["@", "pin", three]], steward=True,
                     blobs={three}, trees={three}, pins={two, three}),
        ]

    @staticmethod
    def lose_ok(sha256):
        """What a tree is without its last file: nobody's."""
        return lambda store: os.unlink(os.path.join(store, "trees", sha256, ".ok"))

    @staticmethod
    def spoil(sha256):
        """A file of the tree is not what it was."""
        def fn(store):
            with open(os.path.join(store, "trees", sha256, "app/bin/web"), "r+b") as f:
                f.write(b"spoilt")
        return fn

    def break_off(self, wrong):
        """A download that was interrupted; wrong: and its bytes are not what they were."""
        def fn(store):
            subprocess.run([self.tripwire, "-s", "write", "-p", store + "/partial", "-n", "9", "-d", "kill", "--",
                            self.slug, "--store", store, "get", self.two, self.server.url("two.slug")],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            path = os.path.join(store, "partial", self.two)
            if os.path.getsize(path) == 0 or not os.path.exists(path + ".from"):
                raise SystemExit("there is no download to be continued")
            if wrong:
                with open(path, "r+b") as f:
                    f.write(b"wrong")
        return fn

    def command(self, sc, store):
        if sc.steward:
            return [self.steward, store, *sc.argv]
        return [self.slug, "--store", store, *sc.argv]

    def prepare(self, sc, store):
        """The store as the scenario finds it."""
        shutil.rmtree(store, ignore_errors=True)
        for argv in sc.before:
            command = [self.steward, store, *argv[1:]] if argv[0] == "@" else [self.slug, "--store", store, *argv]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        if sc.damage:
            sc.damage(store)
