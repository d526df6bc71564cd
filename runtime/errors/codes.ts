// Every error code with its page, gathered from one file a range. It holds text only.
import { tracePages } from "./pages/trace.ts";
import { shapePages } from "./pages/shapes.ts";
import { transformPages } from "./pages/transforms.ts";
import { markPages } from "./pages/marks.ts";
import { controlPages } from "./pages/control.ts";
import { compilePages } from "./pages/compile.ts";
import { devicePages } from "./pages/device.ts";
import { libraryPages } from "./pages/library.ts";
import { ioPages } from "./pages/io.ts";
import { frontendPages } from "./pages/frontend.ts";
import { checkPages } from "./pages/check.ts";
import { aheadPages } from "./pages/ahead.ts";

/** One page of `npx pullback explain`. */
export interface ErrorPage {
  readonly title: string;
  readonly body: string;
}

/** All pages by code: E01xx tracing, E02xx shapes and dtypes, E03xx transforms, E04xx marks, E05xx control, E06xx compile, E07xx devices, E08xx standard library, E09xx files, E11xx tensor scopes. */
export const errorPages: typeof tracePages &
  typeof shapePages &
  typeof transformPages &
  typeof markPages &
  typeof controlPages &
  typeof compilePages &
  typeof devicePages &
  typeof libraryPages &
  typeof ioPages &
  typeof frontendPages &
  typeof checkPages &
  typeof aheadPages = {
  ...tracePages,
  ...shapePages,
  ...transformPages,
  ...markPages,
  ...controlPages,
  ...compilePages,
  ...devicePages,
  ...libraryPages,
  ...ioPages,
  ...frontendPages,
  ...checkPages,
  ...aheadPages,
};

/** A code that some error carries. */
export type ErrorCode = keyof typeof errorPages;
