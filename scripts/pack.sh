#!/bin/sh
# In an unpacked archive of `npm run pack:gpu`: runs what was packed with the Node that was packed. Nothing is installed, nothing is fetched.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export PATH="$here/node/bin:$PATH" PULLBACK_INSTALL=no
cd "$here/pullback"
# the machine's own Vulkan loader, else the packed one
if [ -e "$here/lib" ] && ! { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q 'libvulkan\.so\.1'; then
  export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
run() { exec node --import ./node_modules/tsx/dist/loader.mjs --conditions=source "$@"; }
what=${1:-help}
[ $# -gt 0 ] && shift
case $what in
  smoke) # the build, the CPU, WebGPU and the CUDA device in a minute; without a GPU on drivers that run on the CPU, where there are any
    node --input-type=module -e 'import { array, jit, mul } from "pullback"; console.log(`built: 6 * 7 = ${jit(x => mul(x, 7))(array(6)).item()}`)'
    run tests/run.ts stdlib/io/async runtime/webgpu/memory runtime/cuda/device "$@" ;;
  webgpu) # the conformance suite on the card (CONFORMANCE=all for every sample)
    export PULLBACK_GPU=hardware
    run tests/run.ts backends/webgpu runtime/webgpu "$@" ;;
  cuda) run tests/cuda/on_card.ts "$@" ;;
  bench) run bench/main.ts "$@" ;;
  bench:cuda) run bench/cuda/main.ts "$@" ;;
  train) run examples/09-gpt/main.ts "$@" ;;
  test) run tests/run.ts "$@" ;;
  *)
    echo "usage: run smoke | webgpu | cuda | bench | bench:cuda | train [flags] | test [filters]"
    [ "$what" = help ] ;;
esac
