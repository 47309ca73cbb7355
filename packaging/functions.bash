# What packaging/demo, packaging/deb, tests/run and tests/bench/run share; to be sourced.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
# Debian's own, whatever else the PATH holds: the packages are installed for this one.
python=/usr/bin/python3

die() # MESSAGE...
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# Runs a command in silence; when it fails its last words are shown. LOG keeps them all.
quietly() # LOG COMMAND...
{
	local log=$1
	shift
	if ! "$@" >>"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		die "failed: $* (the whole output: $log)"
	fi
}

# A copy of the checkout, so that nothing is written into it.
copy_tree() # FOLDER
{
	mkdir -p "$1"
	tar -C "$top" --exclude='*.o' --exclude='*.a' --exclude='.deps' --exclude='.dirstamp' \
		--exclude='*.trs' --exclude='*.log' --exclude='__pycache__' -cf - \
		configure.ac Makefile.am README.md LICENSE .clang-format .editorconfig .ci \
		src etc man tests packaging | tar -C "$1" -xf - ||
		die "could not copy $top to $1; is there room on that disk?"
}

# ... with its configure script.
copy_source() # FOLDER
{
	copy_tree "$1"
	(cd "$1" && quietly "$1/../autoreconf.log" autoreconf -i)
}

# Builds hpcbald and hpcbalctl in FOLDER from a source that copy_source() made. Its proxy
# runs as nobody, so that no user has to be added to this machine.
build() # SOURCE FOLDER CONFIGURE_OPTION...
{
	local source=$1 folder=$2
	shift 2
	mkdir -p "$folder"
	(
		cd "$folder" || exit 1
		quietly "$folder/build.log" "$source/configure" -q --with-user=nobody "$@"
		quietly "$folder/build.log" make -s -j"$(nproc)"
	)
}
