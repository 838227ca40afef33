"""The DNA fingerprint of a version, as the engine takes it (engine/history/dna.py): of what it
learned from and of what came out of it."""

import hashlib
import json


def fingerprint(version, versions):
    """`versions` are all there are, in any order."""
    known = {one["number"]: one for one in versions}
    examples, at = set(), version["number"]
    while at:
        examples.update(known[at]["lessons"])
        at = known[at]["parent"]
    name, weights = json.dumps(version["name"]), json.dumps(version["weights_sha256"])
    ids = ",".join([json.dumps(id) for id in sorted(examples)])
    text = '{"examples":[%s],"version":%s,"weights_sha256":%s}' % (ids, name, weights)
    return "".join(["%02x" % byte for byte in hashlib.sha256(text.encode()).digest()])
