#!/usr/bin/env bash
# Puts NVIDIA's run-time compiler into the cache folder, so that the tests can compile every kernel without a GPU or a driver. It comes
# from Debian's own non-free section, for the release and from the mirror that this machine uses; it is NVIDIA's, under NVIDIA's
# licence, and never committed. Does nothing where it is there already or where there is no Debian.
set -euo pipefail
folder=${XDG_CACHE_HOME:-$HOME/.cache}/iba/nvrtc
sources=/etc/apt/sources.list.d/debian.sources
if compgen -G "$folder/libnvrtc.so.*" > /dev/null; then exit 0; fi
if ! command -v apt-get > /dev/null || ! command -v dpkg > /dev/null || [ ! -f "$sources" ]; then
    echo "NVRTC is not fetched: this is no Debian with $sources" >&2
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial" "$work/packages"
# Lists of its own: the machine's are left as they are.
sed 's/^Components:.*/Components: non-free/' "$sources" > "$work/parts/non-free.sources"
apt=(apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" -o Dir::State::Lists="$work/lists"
    -o Dir::Cache::PkgCache= -o Dir::Cache::SrcPkgCache= -o APT::Sandbox::User="$(id -un)")
"${apt[@]}" update
(cd "$work/packages" && "${apt[@]}" download libnvrtc11.2 libnvrtc-builtins11.8)
for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/files"; done
mkdir -p "$folder"
cp -P "$work"/files/usr/lib/*/libnvrtc*.so.* "$folder/"
echo "NVRTC is in $folder"
