"""ops.json: independent values of the operations, by family. See ops_linear.py, ops_indexing.py and ops_scalar.py."""
import jax
import scipy

import encode
import ops_indexing
import ops_linear
import ops_scalar

jax.config.update("jax_enable_x64", True)

if __name__ == "__main__":
    encode.write("ops", __file__, {**ops_linear.build(), **ops_indexing.build(), **ops_scalar.build()}, dtype="f64 unless an array says otherwise", scipy=scipy.__version__)
