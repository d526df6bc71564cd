// The peers that npm can install, pinned: a figure without its version says nothing. They are never dependencies of the project.

/** Package versions by name, for each JavaScript peer. */
export const versions = {
  "jax-js": { "@jax-js/jax": "0.1.25" },
  tfjs: { "@tensorflow/tfjs": "4.22.0", "@tensorflow/tfjs-backend-wasm": "4.22.0" },
} as const;

/** A peer that npm installs. */
export type NpmPeer = keyof typeof versions;
