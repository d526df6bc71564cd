// A loader for webpack that takes types out with esbuild, handing on the map of what came before it.
const { transformSync } = require("esbuild");

module.exports = function types(source, map) {
  const before = map ? `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString("base64")}` : "";
  const { code, map: after } = transformSync(source + before, { loader: "ts", sourcemap: "external", sourcefile: this.resourcePath });
  this.callback(null, code, after);
};
