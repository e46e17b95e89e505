# Flags of a build that writes the paths of this folder as /ingot: sourced by scripts/package and
# scripts/check-reproducible.
path_flags=(
  -Xswiftc -file-prefix-map -Xswiftc "$PWD=/ingot"
  -Xswiftc -Xcc -Xswiftc "-ffile-prefix-map=$PWD=/ingot"
  -Xcc "-ffile-prefix-map=$PWD=/ingot"
)
