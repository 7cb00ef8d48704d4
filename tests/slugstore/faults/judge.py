"""What a valid slug store is, whatever has just happened to it."""
import fcntl
import hashlib
import os
import re
import stat

import slugs

FOLDERS = {"blobs", "trees", "incoming", "locks", "partial", "pins", "damaged"}
HEX = re.compile(r"[0-9a-f]{64}")


def names(store, folder):
    try:
        return sorted(os.listdir(os.path.join(store, folder)))
    except FileNotFoundError:
        return []


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def compare(found, truth):
    wrong = []
    for path in sorted(set(found) | set(truth)):
        if found.get(path) != truth.get(path):
            wrong.append(f"{path}: {found.get(path)} instead of {truth.get(path)}")
    return wrong


def blobs(store):
    for name in names(store, "blobs"):
        path = os.path.join(store, "blobs", name)
        st = os.lstat(path)
        if not HEX.fullmatch(name) or not stat.S_ISREG(st.st_mode):
            yield f"blobs/{name} is no blob"
            continue
        if digest(path) != name:
            yield f"blobs/{name} has the SHA-256 {digest(path)}"
        if stat.S_IMODE(st.st_mode) != 0o644:
            yield f"blobs/{name} has the mode {st.st_mode:o}"


def trees(store, truths, rest):
    for name in names(store, "trees"):
        path = os.path.join(store, "trees", name)
        # A mark of damage, also half made, goes with its tree.
        extra = {n for n in os.listdir(path) if n not in ("app", ".ok", ".usage", "image")
                 and not n.startswith(".damaged")}
        if not HEX.fullmatch(name) or extra:
            yield f"trees/{name} holds {sorted(extra)}"
        if name not in rest and not os.path.lexists(os.path.join(path, ".ok")):
            yield f"trees/{name} has no .ok"
        if stat.S_IMODE(os.lstat(path).st_mode) != 0o755:
            yield f"trees/{name} has the mode {os.lstat(path).st_mode:o}"
        if name not in truths:
            yield f"trees/{name} is of an unknown slug"
            continue
        if name in rest:
            continue
        if truths[name] == slugs.IMAGE:
            if digest(os.path.join(path, "image")) != name:
                yield f"trees/{name}/image is not its blob"
            continue
        try:
            for wrong in compare(slugs.look(path), truths[name]):
                yield f"trees/{name}: {wrong}"
        except OSError as e:
            yield f"trees/{name}: {e}"


def valid(store, truths, rest=()):
    """Complaints about a store at any time, also in the middle of things. rest: trees
    that were wrong before."""
    if not os.path.isdir(store):
        return []
    wrong = [f"{name} should not be there" for name in os.listdir(store) if name not in FOLDERS]
    for folder in ("locks", "pins"):
        wrong += [f"{folder}/{name} is no name" for name in names(store, folder) if not HEX.fullmatch(name)]
    return wrong + list(blobs(store)) + list(trees(store, truths, rest))


def quiet(store, leased=(), partial=(), damaged=False):
    """Complaints about a store that nobody is at work on, after an open."""
    wrong = [f"incoming/{name} was left" for name in names(store, "incoming")]
    wrong += [f"partial/{name} was left" for name in names(store, "partial") if name.split(".")[0] not in partial]
    if not damaged:
        wrong += [f"damaged/{name} was left" for name in names(store, "damaged")]
    for name in names(store, "locks"):
        with open(os.path.join(store, "locks", name), "rb") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if name in leased:
                    wrong.append(f"the lease of {name} is lost")
            except BlockingIOError:
                if name not in leased:
                    wrong.append(f"locks/{name} is still locked")
    for name in leased:
        if name not in names(store, "locks"):
            wrong.append(f"the lock file of the leased {name} is gone")
        if name not in names(store, "trees"):
            wrong.append(f"the tree of the leased {name} is gone")
    return wrong
