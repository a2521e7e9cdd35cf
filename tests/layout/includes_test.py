# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the arrows of ARCHITECTURE.md, and the folder each library stays in."""
import re
import unittest

import tree

# Folder -> the prefixes of ours it may include. The longest matching folder counts.
ALLOWED = {
    "messages/": ("messages/", "runtime/base/"),
    "runtime/base/": ("runtime/base/",),
    "runtime/": ("runtime/",),
    "configs/": ("configs/", "runtime/base/"),
    "actors/": ("actors/", "messages/", "runtime/", "configs/"),
    "cluster/": ("cluster/", "actors/", "messages/", "runtime/", "configs/"),
    "tests/": ("tests/", "cluster/", "actors/", "messages/", "runtime/", "configs/"),
}

# Library header prefix -> where it may be included, beside tests/. The first match counts.
CONFINED = (
    ("caf/io/", ("cluster/",)),
    ("caf/", ("messages/compat.hpp", "messages/type_ids.hpp", "actors/", "cluster/")),
    ("hiredis/", ("runtime/redis/",)),
    ("yaml-cpp/", ("configs/",)),
    ("openssl/", ("runtime/tls/", "runtime/acme/", "cluster/link", "cluster/peer_link")),
    ("boost/", ()),
    ("ldns/", ("runtime/dns/",)),
)

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def allowed_prefixes(path: str) -> tuple[str, ...]:
    return ALLOWED[max((folder for folder in ALLOWED if path.startswith(folder)), key=len)]


def own_violation(path: str, included: str, exists) -> str | None:
    if not included.startswith(allowed_prefixes(path)):
        return f'{path} may not include "{included}"'
    if not exists(included):
        return f'{path} includes "{included}", which is no file (paths start at the root)'
    return None


def library_violation(path: str, included: str) -> str | None:
    if included == "caf/all.hpp" and path.endswith(".hpp"):
        return f"{path}: <caf/all.hpp> costs seconds in every file that includes this header"
    for prefix, homes in CONFINED:
        if included.startswith(prefix):
            inside = path.startswith(homes + ("tests/",))
            return None if inside else f"{path} may not include <{included}>"
    return None


def violations(path: str, text: str, exists=lambda included: True) -> list[str]:
    found = []
    for own, library in INCLUDE.findall(text):
        # A library named in "quotes" is still a library.
        is_ours = own and own.split("/")[0] in tree.FOLDERS
        if own and not is_ours and not own.startswith(tuple(prefix for prefix, _ in CONFINED)):
            found.append(f'{path}: "{own}" does not start at the root')
            continue
        wrong = (
            own_violation(path, own, exists) if is_ours else library_violation(path, own or library)
        )
        if wrong:
            found.append(wrong)
    if path.endswith(".hpp"):
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            found.append(f"{path}: no #pragma once")
        if re.search(r"^\s*using namespace\b", text, re.MULTILINE):
            found.append(f"{path}: using namespace in a header")
    return found


class Includes(unittest.TestCase):
    def test_the_tree_keeps_the_arrows(self):
        paths = tree.files(".hpp", ".cpp")
        self.assertTrue(paths)
        found = []
        for path in paths:
            found += violations(
                path, tree.read(path), lambda included: (tree.ROOT / included).is_file()
            )
        self.assertEqual(found, [])


class TheRuleItself(unittest.TestCase):
    BAD = (
        ("runtime/http/a.cpp", '#include "configs/defaults.hpp"'),
        ("runtime/http/a.cpp", '#include "actors/root.hpp"'),
        ("runtime/base/a.cpp", '#include "runtime/loop/loop.hpp"'),
        ("configs/a.cpp", '#include "runtime/http/head.hpp"'),
        ("messages/a.cpp", '#include "configs/schema.hpp"'),
        ("actors/a.cpp", '#include "cluster/link.hpp"'),
        ("cluster/a.cpp", '#include "tests/support/x.hpp"'),
        ("runtime/http/a.cpp", '#include "head.hpp"'),
        ("runtime/loop/a.cpp", "#include <caf/actor.hpp>"),
        ("messages/team.cpp", "#include <caf/actor.hpp>"),
        ("actors/a.cpp", "  #  include <caf/io/middleman.hpp>"),
        ("actors/a.cpp", "#include <hiredis/hiredis.h>"),
        ("actors/a.cpp", '#include "hiredis/hiredis.h"'),
        ("runtime/http/a.cpp", "#include <yaml-cpp/yaml.h>"),
        ("runtime/http/a.cpp", "#include <openssl/ssl.h>"),
        ("cluster/node_agent.cpp", "#include <openssl/ssl.h>"),
        ("actors/a.hpp", "#pragma once\n#include <caf/all.hpp>"),
        ("runtime/http/a.hpp", "#include <string>"),
        ("runtime/http/a.hpp", "#pragma once\nusing namespace std;"),
    )
    GOOD = (
        ("runtime/http/a.cpp", '#include "runtime/base/result.hpp"\n#include <string>'),
        ("configs/a.cpp", '#include "runtime/base/result.hpp"\n#include <yaml-cpp/yaml.h>'),
        ("runtime/redis/a.cpp", "#include <hiredis/async.h>"),
        ("runtime/tls/a.cpp", "#include <openssl/ssl.h>"),
        ("cluster/peer_link.cpp", "#include <openssl/ssl.h>\n#include <caf/io/middleman.hpp>"),
        ("actors/a.hpp", "#pragma once\n#include <caf/event_based_actor.hpp>"),
        ("tests/http/a_test.cpp", '#include "runtime/http/head.hpp"\n#include <boost/beast.hpp>'),
    )

    def test_each_bad_sample_is_found(self):
        for path, text in self.BAD:
            with self.subTest(path=path, text=text):
                self.assertEqual(len(violations(path, text)), 1)

    def test_no_good_sample_is(self):
        for path, text in self.GOOD:
            with self.subTest(path=path, text=text):
                self.assertEqual(violations(path, text), [])

    def test_a_file_that_is_not_there_is_found(self):
        self.assertTrue(
            violations("actors/a.cpp", '#include "runtime/x.hpp"', lambda included: False)
        )


if __name__ == "__main__":
    unittest.main()
