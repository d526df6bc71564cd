// The pullback column.
import { serve, Unsupported } from "../peers/serve.ts";
await serve({ title: "pullback", prepare: () => { throw new Unsupported("not yet"); } });
