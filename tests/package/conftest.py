import os
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import clean_root  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEXT = "99.0.1"


def build(top, to):
    """The package of a tree. The unit tests have been run by whoever runs this."""
    environment = dict(os.environ, DEB_BUILD_OPTIONS="nocheck")
    done = subprocess.run([os.path.join(top, "packaging/deb"), to], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    if os.getuid():
        pytest.skip("needs root, for packages to build with")
    subprocess.run([os.path.join(TOP, "packaging/dependencies"), "install", "package", "install"],
                   check=True)
    return build(TOP, str(tmp_path_factory.mktemp("deb")))


def substitute(path, pattern, by):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text, n = re.subn(pattern, by, text, count=1, flags=re.M)
    assert n == 1, f"{path} has no {pattern}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


@pytest.fixture(scope="session")
def next_package(package, tmp_path_factory):
    """The same tree a version later; the sample of a configuration changed in it, too."""
    top = str(tmp_path_factory.mktemp("next") / "tree")
    os.mkdir(top)
    for name in ("configure.ac", "Makefile.am", "README.md", "LICENSE", ".clang-format",
                 ".editorconfig"):
        shutil.copy(os.path.join(TOP, name), top)
    for name in (".ci", "src", "etc", "man", "tests", "packaging"):
        shutil.copytree(os.path.join(TOP, name), os.path.join(top, name))
    substitute(os.path.join(top, "configure.ac"), r"^AC_INIT\(\[hpcbal\], \[.*\]\)",
               f"AC_INIT([hpcbal], [{NEXT}])")
    substitute(os.path.join(top, "packaging/debian/changelog"), r"\A",
               f"hpcbal ({NEXT}) unstable; urgency=medium\n\n  * The next one.\n\n"
               " -- Nobody <nobody@localhost.localdomain>  Fri, 27 Nov 2026 02:00:00 +0000\n\n")
    with open(os.path.join(top, "packaging/debian/etc/hpcbal.conf"), "a", encoding="utf-8") as f:
        f.write("\n# The next version's sample.\n")
    return build(top, str(tmp_path_factory.mktemp("next-deb")))


@pytest.fixture(scope="session")
def made_root(package, tmp_path_factory):
    """With all in it that the package depends on, and not the package."""
    root = clean_root.Root(str(tmp_path_factory.mktemp("clean") / "root"))
    try:
        root.make()
    except clean_root.NoRoot as e:
        pytest.skip(str(e))
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True,
                             text=True, check=True).stdout.strip()
    root.run("apt-get", "-q", "update")
    root.run("apt-get", "-q", "-y", "--no-install-recommends", "satisfy", depends)
    yield root
    shutil.rmtree(root.path)


@pytest.fixture(scope="session")
def booted_root(made_root):
    try:
        try:
            made_root.boot()
        except clean_root.NoRoot as e:
            pytest.skip(str(e))
        yield made_root
    finally:
        made_root.halt()
