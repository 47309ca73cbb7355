"""What can be said of the package without installing it."""
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Part of each machine that builds packages.
BUILD_ESSENTIAL = {"gcc", "make", "libc6-dev"}


def test_build_dependencies_are_those_of_the_list():
    with open(os.path.join(TOP, "packaging/debian/control"), encoding="utf-8") as f:
        told = re.search(r"^Build-Depends: (.*?)^\S", f.read(), re.M | re.S).group(1)
    told = {part.split()[0] for part in told.split(",")} - {"debhelper-compat"}
    listed = subprocess.run([os.path.join(TOP, "packaging/dependencies"), "list", "build"],
                            capture_output=True, text=True, check=True).stdout.split()
    assert told == set(listed) - BUILD_ESSENTIAL


def test_lintian_finds_no_error(package):
    # By Debian's rules anywhere: Ubuntu's refuse the changelog's "unstable".
    done = subprocess.run(["lintian", "--allow-root", "--profile", "debian", "--fail-on", "error",
                           "--tag-display-limit", "0", re.sub(r"\.deb$", ".changes", package)],
                          capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " not-found " not in done.stdout


def test_version_is_the_sources(package):
    said = subprocess.run(["dpkg-deb", "-f", package, "Version"], capture_output=True, text=True,
                          check=True).stdout.strip()
    with open(os.path.join(TOP, "configure.ac"), encoding="utf-8") as f:
        assert f"AC_INIT([hpcbal], [{said}])" in f.read()
