// Emitters have no 8-bit floats: lower/float8.ts has made bytes of them.
import type { Float8 } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";

/** Where an emitter would have to know 8-bit floats. @throws InternalError */
export function bytesExpected(d: Float8): never {
  throw new InternalError(`${d} reached an emitter, where it should be bytes`);
}
