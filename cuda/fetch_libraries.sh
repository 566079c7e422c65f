#!/usr/bin/env bash
# Puts NVIDIA's libraries into the cache folder, so that tests can use the real ones without a GPU:
#   fetch_libraries.sh [GROUP...]     default: all groups
#   nvrtc   the run-time compiler: every kernel is compiled
#   cuda    the driver's library, cuBLASLt and the CUDA runtime: they are loaded and asked (200 MB to fetch)
# They come from Debian's own non-free section, for the release and from the mirror that this machine uses, and are unpacked, not installed; they are NVIDIA's,
# under NVIDIA's licence, and never committed. Does nothing where they are there already or where there is no Debian.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/iba
sources=/etc/apt/sources.list.d/debian.sources
missing=()
for group in ${*:-nvrtc cuda}; do
    compgen -G "$cache/$group/*.so.*" > /dev/null || missing+=("$group")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if ! command -v apt-get > /dev/null || ! command -v dpkg > /dev/null || [ ! -f "$sources" ]; then
    echo "NVIDIA's libraries (${missing[*]}) are not fetched: this is no Debian with $sources" >&2
    exit 0
fi

declare -A packages=([nvrtc]="libnvrtc11.2 libnvrtc-builtins11.8" [cuda]="libcuda1 libcublaslt11 libcudart11.0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial"
# Lists of its own: the machine's are left as they are.
sed 's/^Components:.*/Components: contrib non-free/' "$sources" > "$work/parts/non-free.sources"
apt=(apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" -o Dir::State::Lists="$work/lists"
    -o Dir::Cache::PkgCache= -o Dir::Cache::SrcPkgCache= -o APT::Sandbox::User="$(id -un)")
"${apt[@]}" update

# fetch GROUP: all of its files or none.
fetch() {
    mkdir -p "$work/$1/so" && cd "$work/$1" && "${apt[@]}" download ${packages[$1]} || return 1
    for package in ./*.deb; do dpkg -x "$package" files || return 1; done
    find files -name '*.so.*' -exec mv -t so {} + && mkdir -p "$cache" && rm -rf "${cache:?}/$1" && mv so "$cache/$1" && echo "$cache/$1: $(ls "$cache/$1" | tr '\n' ' ')"
}
status=0
for group in "${missing[@]}"; do
    (fetch "$group") || { echo "${packages[$group]} could not be fetched" >&2; status=1; }
done
exit "$status"
